import { expect, test } from 'vitest'
import { newSecret, signatures } from '../../../src/events/sign.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

test('signs like the reference implementations of Standard Webhooks', async () => {
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' }
  expect(await signatures([SECRET], message)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
})

test('signs with each secret, the current one first', async () => {
  const message = {
    id: '0b5c9d3e-6a53-4f0e-9a4a-2f7d6f1f6a10',
    timestamp: 1793491200,
    body: '{"type":"subscription.active","timestamp":"2026-11-01T00:00:00Z","data":{"id":"sub_1"}}',
  }
  const other = await signatures([newSecret()], message)
  const both = await signatures([newSecret(), SECRET], message)
  expect(both).toMatch(/^v1,\S+ v1,BjgOeZVr0wYJKAXhjImrawOD1YtbVDU3Apmg8kp45gI=$/)
  expect(both).not.toContain(other)
})

test('a new secret is 32 random bytes in the form that libraries accept', () => {
  const [one, other] = [newSecret(), newSecret()]
  expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(one).not.toBe(other)
})
