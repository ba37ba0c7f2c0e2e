import { expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newUser } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'

const { sql } = directly()
const token = await administrator()
const DELIVERIES = '/api/v1/admin/deliveries'
const list = (query: string) => call(`GET ${DELIVERIES}?${query}`, { token })
const resend = (id: string, headers: Record<string, string> = {}) =>
  call(`POST ${DELIVERIES}/${id}/resend`, { token, headers })

/** An organization with an endpoint and a failed delivery to it. */
async function newDelivery(type = 'quota.threshold_reached') {
  const owner = await newUser()
  const organizationId = owner.user.organization_id as string
  const url = `https://hooks.invalid/${organizationId}`
  const endpoint = await call('POST /api/v1/webhook-endpoints', {
    token: owner.token,
    body: { url: 'https://hooks.example.com/' },
  })
  await sql.query('update webhook_endpoints set url = $2 where id = $1', [endpoint.body.id, url])
  const id = uuidv7(Date.now())
  await sql.query(
    `insert into webhook_deliveries (id, organization_id, endpoint_id, event_id, type, payload, state, attempts, last_error)
     values ($1, $2, $3, $4, $5, '{"data":{"note":"of the customer"}}', 'failed', 8, 'The endpoint answered 500.')`,
    [id, organizationId, endpoint.body.id, `evt_${id}`, type],
  )
  const row = async () => (await list(`endpoint_id=${endpoint.body.id}`)).body.data[0]
  const acts = () =>
    sql.query(
      `select action, actor_type, detail from audit_logs where organization_id = $1 and action = 'admin.delivery_resent'`,
      [organizationId],
    )
  return { ...owner, organizationId, endpointId: endpoint.body.id as string, url, id, row, acts }
}

test('deliveries of all organizations are listed and filtered by organization, endpoint, type and state', async () => {
  const [{ organizationId, endpointId, url, id }, other] = await Promise.all([newDelivery(), newDelivery()])
  const mine = `organization_id=${organizationId}`
  const { body } = await list(mine)
  expect(body.data).toMatchObject([
    {
      id,
      organization_id: organizationId,
      endpoint_id: endpointId,
      url,
      event_id: `evt_${id}`,
      state: 'failed',
      attempts: 8,
    },
  ])
  expect(JSON.stringify(body)).not.toContain('of the customer')
  for (const [query, found] of [
    ['type=quota.threshold_reached&state=failed', 1],
    ['type=key.leaked', 0],
    ['state=delivered', 0],
    [`endpoint_id=${other.endpointId}`, 0],
  ] as const)
    expect((await list(`${mine}&${query}`)).body.data, query).toHaveLength(found)
  const first = (await list('limit=1')).body
  const second = (await list(`limit=1&cursor=${first.next_cursor}`)).body
  expect(first.data[0].id > second.data[0].id).toBe(true)
  const { document, operations } = await openApi()
  const declared = operations.find(({ line }) => line === `GET ${DELIVERIES}`)
  expect(departures(body, declared?.responses['200']?.content?.['application/json']?.schema ?? {}, document)).toEqual(
    [],
  )
})

test('a failed delivery is retried immediately, and the organization can see who requested it', async () => {
  const { id, url, row, acts } = await newDelivery()
  expect(await resend(id)).toMatchObject({ status: 202, body: { id, url, state: 'pending', attempts: 0, error: null } })
  await eventually(row, ({ attempts }) => attempts === 1)
  expect(await acts()).toMatchObject([{ actor_type: 'administrator', detail: { delivery_id: id } }])
})

test('a repeat with the same Idempotency-Key sends nothing more', async () => {
  const { id, acts } = await newDelivery()
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const [first, second] = [await resend(id, headers), await resend(id, headers)]
  expect([second.status, second.body, second.headers.get('Idempotent-Replayed')]).toEqual([202, first.body, 'true'])
  expect(await acts()).toHaveLength(1)
})

test('nothing is sent to a disabled endpoint, and an unknown delivery is 404', async () => {
  const { id, endpointId, token: owner, acts } = await newDelivery()
  await call(`PATCH /api/v1/webhook-endpoints/${endpointId}`, { token: owner, body: { is_active: false } })
  expect(await resend(id)).toMatchObject({ status: 409, body: { code: 'webhook_endpoint_off' } })
  expect(await acts()).toEqual([])
  expect((await resend(crypto.randomUUID())).body.code).toBe('webhook_delivery_not_found')
})
