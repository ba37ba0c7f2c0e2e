import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { verifyWebhook, WebhookError } from '../../../packages/tollgate/src/webhooks.ts'
import { newSecret, signatures } from '../../../src/events/sign.ts'
import { ROOT } from '../scripts/support.ts'

const BODY = JSON.stringify({
  data: { organization: { id: 'o1', external_id: null, name: 'Adä' }, endpoint_id: 'e1' },
  type: 'webhook.test',
  timestamp: '2026-11-21T09:20:14.000Z',
})
const now = () => Math.floor(Date.now() / 1000)

/** A request as sent by Tollgate. */
async function signed(secrets: readonly string[], { body = BODY, timestamp = now(), id = 'evt_1' } = {}) {
  return new Request('https://example.com/hook', {
    method: 'POST',
    body,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': await signatures(secrets, { id, timestamp, body }),
    },
  })
}

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof WebhookError ? error.code : String(error)),
  )

test('an event that Tollgate signs is genuine, and is returned with its id', async () => {
  const secret = newSecret()
  expect(await verifyWebhook(await signed([secret]), secret)).toEqual({ id: 'evt_1', ...JSON.parse(BODY) })
})

test('an event that the reference library of Standard Webhooks signs is genuine, as text or bytes', async () => {
  const secret = newSecret()
  const signature = new Webhook(secret).sign('evt_2', new Date(), BODY)
  const headers = { 'webhook-id': 'evt_2', 'webhook-timestamp': String(now()), 'webhook-signature': signature }
  for (const body of [BODY, new TextEncoder().encode(BODY)])
    expect((await verifyWebhook({ headers, body }, secret)).id).toBe('evt_2')
})

test('during a rotation either secret verifies, at the sender and at the receiver', async () => {
  const [old, fresh] = [newSecret(), newSecret()] as const
  expect(await code(verifyWebhook(await signed([fresh, old]), old))).toBe('accepted')
  expect(await code(verifyWebhook(await signed([old]), [fresh, old]))).toBe('accepted')
})

test('another secret, body, id or time, a signature of another scheme, and none at all are refused', async () => {
  const secret = newSecret()
  const tamper = async (change: (headers: Headers) => void, body = BODY) => {
    const { headers } = await signed([secret])
    change(headers)
    return code(verifyWebhook({ headers, body }, secret))
  }
  expect(await code(verifyWebhook(await signed([newSecret()]), secret))).toBe('wrong_signature')
  expect(await tamper(() => undefined, BODY.replace('o1', 'o2'))).toBe('wrong_signature')
  expect(await tamper((headers) => headers.set('webhook-id', 'evt_9'))).toBe('wrong_signature')
  expect(await tamper((headers) => headers.set('webhook-timestamp', String(now() - 1)))).toBe('wrong_signature')
  expect(await tamper((headers) => headers.set('webhook-signature', 'v1,%%% v2,AAAA'))).toBe('wrong_signature')
  expect(await tamper((headers) => headers.delete('webhook-signature'))).toBe('missing_header')
})

test('the tolerance is five minutes in both directions, unless another is given', async () => {
  const secret = newSecret()
  const at = async (offset: number, options = {}) =>
    code(verifyWebhook(await signed([secret], { timestamp: now() + offset }), secret, options))
  expect(await Promise.all([at(-290), at(290)])).toEqual(['accepted', 'accepted'])
  expect(await Promise.all([at(-302), at(302)])).toEqual(['outside_tolerance', 'outside_tolerance'])
  expect(await at(-302, { toleranceSeconds: 600 })).toBe('accepted')
})

test('a signed body that is not JSON is unreadable, and a malformed secret is an error of the receiver', async () => {
  const secret = newSecret()
  expect(await code(verifyWebhook(await signed([secret], { body: 'hello' }), secret))).toBe('unreadable_body')
  expect(await code(verifyWebhook(await signed([secret]), 'whsec_%%%'))).toMatch(/^TypeError/)
})

test('every event of the documentation has a type', async () => {
  const page = await readFile(join(ROOT, 'docs/guides/webhooks.md'), 'utf8')
  const types = await readFile(join(ROOT, 'packages/tollgate/src/webhook-types.ts'), 'utf8')
  const documented = [...page.matchAll(/^\| `([a-z_]+\.[a-z_]+)` \|/gm)].map(([, type = '']) => type)
  expect(documented.length).toBeGreaterThan(25)
  expect(documented.filter((type) => !types.includes(`'${type}': {`))).toEqual([])
})
