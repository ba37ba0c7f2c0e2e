import { expect, test, vi } from 'vitest'
import { newServiceKey } from '../../support/customers.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'

vi.setConfig({ testTimeout: 30_000 })

/** A customer with an open reservation of 5 queries. */
async function world() {
  const holder = await newKeyHolder()
  const { token, organizationId, keyId } = holder
  const { body } = await call('POST /api/v1/usage/reserve', {
    token,
    body: { key_id: keyId, subject: 'ada', queries: 5 },
  })
  const id = body.reservation_id as string
  const cancel = (by: string, of = organizationId) =>
    call(`POST /api/v1/admin/organizations/${of}/reservations/${id}/cancel`, { token: by })
  const held = async () => (await call('GET /api/v1/quotas', { token })).body.meters.queries.held
  const audited = async () =>
    (await call('GET /api/v1/audit-logs?action=admin.reservation_canceled', { token })).body.data
  return { ...holder, id, cancel, held, audited }
}

test('the operator cancels a reservation once, with the same response as the customer, and it is audited once', async () => {
  const { id, cancel, held, audited } = await world()
  expect(await held()).toBe(5)
  const admin = await administrator()
  expect(await cancel(admin)).toMatchObject({ status: 200, body: { outcome: 'canceled', released: true } })
  expect(await held()).toBe(0)
  expect(await cancel(admin)).toMatchObject({ status: 200, body: { outcome: 'canceled', released: false } })
  const [entry, ...others] = await audited()
  expect(others).toEqual([])
  expect(entry.target.type).toBe('reservation')
  expect(id.startsWith(`${entry.target.id}_k`), 'no key or subject: a subject may be erased').toBe(true)
})

test('two concurrent cancels release it once; later usage still counts', async () => {
  const { id, cancel, held, token } = await world()
  const admin = await administrator()
  const answers = await Promise.all([cancel(admin), cancel(admin)])
  expect(new Set(answers.map(({ body }) => body.released))).toEqual(new Set([false, true]))
  expect(await held()).toBe(0)
  const settled = await call('POST /api/v1/usage/settle', { token, body: { reservation_id: id, queries: 2 } })
  expect(settled.body).toMatchObject({ outcome: 'settled', released: false })
})

test('a service needs the scope, a customer has no such route, and a reservation belongs to its organization', async () => {
  const { cancel, held, token } = await world()
  const { key } = await newServiceKey('platform:usage:read')
  expect((await cancel(key)).status).toBe(403)
  expect((await cancel(token)).status).toBe(404)
  const stranger = await newUser()
  const elsewhere = await cancel(await administrator(), stranger.user.organization_id as string)
  expect(elsewhere.body.code).toBe('reservation_not_found')
  expect(await held()).toBe(5)
  const { key: allowed } = await newServiceKey('platform:usage')
  expect((await cancel(allowed)).body).toEqual({ outcome: 'canceled', released: true })
})
