import { expect, test, vi } from 'vitest'
import { Tollgate } from '../../../packages/tollgate/src/index.ts'

const UNAVAILABLE = {
  valid: false,
  granted: false,
  code: 'UNAVAILABLE',
  status: 503,
  retry_after: 0,
  headers: {},
  problem: { type: 'x', title: 'x', status: 503, detail: 'x', code: 'unavailable', request_id: 'r' },
}

/** A binding whose first answer is lost. */
function bindTo(method: string, options = {}) {
  const called = vi.fn().mockResolvedValueOnce(UNAVAILABLE).mockResolvedValue({ id: 'k' })
  return { called, tollgate: Tollgate.fromBinding({ [method]: called } as never, options) }
}

const ID = '01900000-0000-7000-8000-000000000000'

test.each([
  ['issueKey', 'POST /auth/api-keys', { body: { name: 'Once', external_id: 'acme' } }],
  ['rotateKey', 'POST /auth/api-keys/{id}/rotate', { params: { id: ID }, body: { grace_period_seconds: 0 } }],
] as const)('over the service binding %s is repeated under one idempotency_key', async (method, name, input) => {
  const { called, tollgate } = bindTo(method)
  expect(await tollgate.call(name, input as never)).toEqual({ id: 'k' })
  const [first, second] = called.mock.calls.map(([given]) => given)
  expect(first.idempotency_key).toMatch(/^[0-9a-f-]{36}$/)
  expect(second).toEqual(first)

  const own = bindTo(method)
  await own.tollgate.call(name, { ...input, idempotencyKey: 'mine' })
  expect(own.called.mock.calls[0]?.[0]).toMatchObject({ idempotency_key: 'mine' })
})

test('over the service binding other methods get no idempotency_key, which they would refuse', async () => {
  const { called, tollgate } = bindTo('updateKey')
  await tollgate
    .call('PATCH /auth/api-keys/{id}', { params: { id: ID }, body: { name: 'x' }, idempotencyKey: 'mine' })
    .catch(() => undefined)
  expect(called.mock.calls[0]?.[0]).toEqual({ key_id: ID, name: 'x' })
})
