import { afterEach, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'
import { deliver, eventsOf, inboxOf, newPayer, planOf, polarEvent } from '../../support/shop.ts'

const { sql } = directly()
const token = await administrator()
afterEach(() => vi.restoreAllMocks())

const EVENTS = '/api/v1/admin/billing/events'
const list = (query: string) => call(`GET ${EVENTS}?${query}`, { token })
const replay = (id: string, headers: Record<string, string> = {}) =>
  call(`POST ${EVENTS}/${id}/replay`, { token, headers })
const auditOf = (id: string) =>
  sql.query(`select actor_type, detail from audit_logs where target_type = 'billing_event' and target_id = $1`, [id])

/** A payer whose first subscription event has arrived, and that event's row. */
async function paid() {
  const payer = await newPayer('polar')
  const events = await eventsOf('polar', payer.organizationId)
  const event = events.find(({ type }) => type === 'subscription.created')
  if (!event) throw new Error('The local provider tells of no subscription.')
  await deliver('polar', event)
  const { body } = await list(`organization_id=${payer.organizationId}`)
  return { ...payer, event, row: body.data[0] }
}

test('events of a provider are listed with their outcome, and without their content', async () => {
  const { organizationId, event, row } = await paid()
  expect(row).toMatchObject({
    event_id: event.id,
    provider: 'polar',
    type: 'subscription.created',
    state: 'done',
    outcome: 'applied',
    error: null,
    attempts: 1,
    organization_id: organizationId,
  })
  expect(JSON.stringify(row)).not.toContain('payer@example.com')
  const mine = `organization_id=${organizationId}`
  for (const [query, found] of [
    ['provider=polar&type=subscription.created&outcome=applied&state=done', 1],
    ['provider=stripe', 0],
    ['type=order.paid', 0],
    ['outcome=stored', 0],
    ['state=failed', 0],
  ] as const)
    expect((await list(`${mine}&${query}`)).body.data, query).toHaveLength(found)
  const { document, operations } = await openApi()
  const declared = operations.find(({ line }) => line === `GET ${EVENTS}`)
  const schema = declared?.responses['200']?.content?.['application/json']?.schema ?? {}
  expect(departures((await list(mine)).body, schema, document)).toEqual([])
})

test('a replay without anything to change changes nothing and records who asked for it', async () => {
  const { organizationId, row } = await paid()
  expect((await replay(row.id)).body).toMatchObject({ id: row.id, state: 'done', outcome: 'unchanged', attempts: 2 })
  expect(await planOf(organizationId)).toBe('pro')
  expect(await auditOf(row.id)).toMatchObject([
    { actor_type: 'administrator', detail: { provider: 'polar', event_id: row.event_id, type: row.type } },
  ])
})

test('a replay does what the first delivery should have done', async () => {
  const { organizationId, subscriptionId, row } = await paid()
  await sql.query('delete from subscriptions where provider_subscription_id = $1', [subscriptionId])
  await sql.query(`update organizations set plan_id = 'free' where id = $1`, [organizationId])
  expect((await replay(row.id)).body).toMatchObject({ outcome: 'applied' })
  expect(await planOf(organizationId)).toBe('pro')
})

test('an event whose content was erased stays unchanged, and a replay explains why', async () => {
  const { organizationId, row } = await paid()
  await sql.query(`update billing_events set payload = 'null' where id = $1`, [row.id])
  expect(await replay(row.id)).toMatchObject({ status: 410, body: { code: 'billing_event_reduced' } })
  expect((await list(`organization_id=${organizationId}`)).body.data).toEqual([row])
  expect(await auditOf(row.id)).toEqual([])
})

test('an event is processed once per Idempotency-Key, and each repeat gets the first response', async () => {
  const { row } = await paid()
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const [first, second] = [await replay(row.id, headers), await replay(row.id, headers)]
  expect([first.body, second.headers.get('Idempotent-Replayed')]).toEqual([second.body, 'true'])
  expect(await inboxOf(row.event_id)).toMatchObject({ attempts: 2 })
})

test('an event that is being processed is not processed twice and leaves no audit row', async () => {
  const { row } = await paid()
  await sql.query(
    `update billing_events set state = 'processing', claimed_until = now() + interval '1 hour' where id = $1`,
    [row.id],
  )
  expect((await replay(row.id)).body.code).toBe('webhook_in_progress')
  expect(await auditOf(row.id)).toEqual([])
  expect((await list(`organization_id=${row.organization_id}`)).body.data[0]).toMatchObject({ state: 'processing' })
})

test('an unreadable event fails again, and its row explains why', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const event = await polarEvent('subscription.updated', { nothing: 'of the kind' })
  expect((await deliver('polar', event)).status).toBe(500)
  const [row] = await sql.query('select id from billing_events where event_id = $1', [event.id])
  expect(await replay(row?.id)).toMatchObject({ status: 502, body: { code: 'billing_event_failed' } })
  const { body } = await list('provider=polar&type=subscription.updated&state=failed&limit=100')
  const failed = body.data.find(({ id }: { id: string }) => id === row?.id)
  expect(failed).toMatchObject({ state: 'failed', attempts: 2, error: expect.stringContaining('ZodError') })
  expect(await auditOf(row?.id)).toHaveLength(1)
})

test('an unknown event is 404', async () => {
  expect((await replay('01900000-0000-7000-8000-000000000000')).body.code).toBe('billing_event_not_found')
})
