import { sql } from 'drizzle-orm'
import { expect, test, vi } from 'vitest'
import guide from '../../../docs/guides/webhooks.md?raw'
import { openSession } from '../../../src/accounts/sessions/open.ts'
import { runBatch } from '../../../src/db/batch.ts'
import { claimDeliveries } from '../../../src/events/claim.ts'
import { deliverNow } from '../../../src/events/deliver.ts'
import { EVENT_DATA } from '../../../src/events/schemas.ts'
import { insertStates, replaceStates } from '../../../src/events/state.ts'
import { directly } from '../../support/direct.ts'
import { failWebhooks } from '../../support/faults.ts'
import { call, eventually } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'
import { workerWith } from '../../support/variant.ts'
import { world } from '../../support/webhook-world.ts'
import { LOCAL } from '../../support/webhooks.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Its events are due for nobody else: other tests run the job. */
const LATER_MS = 30 * 24 * 3_600_000

async function stateWorld(...others: string[]) {
  const here = await world({ events: ['organization.state', ...others] })
  const { isolate, organizationId, receiver } = here
  isolate.advance(LATER_MS)
  const rows = () =>
    directly().sql.query(
      'select id, state, attempts, next_attempt_at from webhook_deliveries where endpoint_id = $1 order by id',
      [receiver.id],
    )
  const pending = async () => (await rows()).filter(({ next_attempt_at }) => next_attempt_at !== null)
  /** Changes its name and publishes the state, without sending it at once. */
  async function rename(name: string) {
    const { db, now } = managementDeps(isolate.deps())
    const it = sql`select ${organizationId}::uuid as id`
    await runBatch(db, {
      change: db.execute(sql`update organizations set name = ${name} where id = ${organizationId}::uuid`),
      states: db.execute(insertStates(now(), it)),
      replaced: db.execute(replaceStates(it)),
    })
  }
  const deliver = async () =>
    deliverNow(
      isolate.deps(),
      (await pending()).map(({ id }) => id),
    )
  const names = async () => (await receiver.caught()).map(({ body }) => JSON.parse(body).data.organization.name)
  return { ...here, rows, pending, rename, deliver, names }
}

test('one state of an organization waits for an endpoint, and it contains the last change', async () => {
  const { rename, pending, deliver, names, rows } = await stateWorld()
  await Promise.all(Array.from({ length: 10 }, (_, at) => rename(`Name ${at}`)))
  await rename('Last name')
  expect(await pending()).toHaveLength(1)
  await deliver()
  expect(await names()).toEqual(['Last name'])
  expect(await rows()).toMatchObject([{ state: 'delivered', attempts: 1 }])
})

test('a change during an attempt is sent as another state', async () => {
  const { rename, pending, deliver, names, isolate } = await stateWorld()
  await rename('Before')
  const ids = (await pending()).map(({ id }) => id)
  expect(await claimDeliveries(isolate.deps(), { atMost: 1, lanesOf: ids })).toHaveLength(1)
  await rename('After')
  const [row, ...more] = await pending()
  expect(more).toEqual([])
  expect(ids).not.toContain(row?.id)
  isolate.advance(31_000) // the claim has ended
  await deliver()
  expect(await names()).toEqual(['After'])
})

test('a failed attempt is superseded by a newer state, and a retry sends the current state', async () => {
  const { rename, deliver, names, pending, rows, organizationId, isolate } = await stateWorld()
  await failWebhooks(organizationId, { kind: 'status', value: 500, count: 2 })
  await rename('First')
  await deliver()
  await rename('Second')
  expect((await rows()).map(({ state }) => state)).toEqual(['failed', 'pending'])
  await deliver()
  expect(await pending()).toMatchObject([{ state: 'pending', attempts: 1 }])
  await directly().sql.query('update organizations set name = $2 where id = $1', [organizationId, 'Third'])
  isolate.advance(40_000)
  await deliver()
  expect(await names()).toEqual(['Third'])
})

test('API calls send the state if they change it, and else do not', async () => {
  const { token, rows, organizationId } = await stateWorld()
  const count = async () => (await rows()).length
  expect(await count()).toBe(0)
  await call('POST /api/v1/auth/api-keys', { token, body: { name: 'One' } })
  expect(await count()).toBe(1)
  const before = await count()
  const body = { email: 'somebody@example.com', role: 'viewer' }
  await call(`POST /api/v1/organizations/${organizationId}/invitations`, { token, body })
  expect(await count()).toBe(before)
})

test('an unsent state contains the current values when it is sent again', async () => {
  const { rename, rows, receiver, names, user, deliver } = await stateWorld()
  await rename('First')
  const worker = workerWith(LOCAL)
  const { access_token } = await openSession(managementDeps(directly(LOCAL)), user.id, { factors: ['password'] })
  const path = `/api/v1/webhook-endpoints/${receiver.id}`
  const ask = (line: string, body?: unknown) =>
    worker.call(line, body, undefined, { Authorization: `Bearer ${access_token}` })
  for (const is_active of [false, true]) expect((await ask(`PATCH ${path}`, { is_active })).status).toBe(200)
  const [given] = await rows()
  expect(given).toMatchObject({ state: 'failed', attempts: 0 })
  expect((await ask(`POST ${path}/deliveries/${given?.id}/resend`)).status).toBe(202)
  await worker.settled()
  const attempt = async () => {
    await deliver() // another test's job may have tried it, and may not reach the receiver
    return names()
  }
  expect((await eventually(attempt, (list) => list.length > 0))[0]).toBe('First')
  const [caught] = await receiver.caught()
  expect(EVENT_DATA['organization.state'].safeParse(JSON.parse(caught?.body ?? '').data).error?.issues).toBeUndefined()
})

test('other events go first, even those that are due later', async () => {
  const { rename, happen, pending, isolate } = await stateWorld('quota.threshold_reached')
  await rename('First')
  isolate.advance(1_000)
  await happen()
  isolate.advance(1_000)
  const lanesOf = (await pending()).map(({ id }) => id)
  const next = async () => (await claimDeliveries(isolate.deps(), { atMost: 1, lanesOf }))[0]?.type
  expect(await next()).toBe('quota.threshold_reached')
  await directly().sql.query(
    'update webhook_deliveries set next_attempt_at = null where attempts > 0 and id = any($1)',
    [lanesOf],
  )
  isolate.advance(31_000) // the claim has ended
  expect(await next()).toBe('organization.state')
})

test('the state of a deleted organization is given up at once, and does not count as a failure of the endpoint', async () => {
  const { rename, rows, deliver, endpoint } = await stateWorld()
  await rename('Gone')
  const [row] = await rows()
  const set = 'update webhook_deliveries set state_of = gen_random_uuid() where id = $1'
  await directly().sql.query(set, [row?.id])
  await deliver()
  expect(await rows()).toMatchObject([{ state: 'failed', attempts: 1, next_attempt_at: null }])
  expect(await endpoint()).toMatchObject({ is_active: true, failed_events: 0 })
})

test('only the operator’s endpoints get the billing contact and the operator’s notes', async () => {
  const { rename, deliver, receiver, organizationId } = await stateWorld()
  const { sql } = directly()
  await sql.query(`update organizations set email = 'billing@example.com', metadata = '{"crm": 4711}' where id = $1`, [
    organizationId,
  ])
  const data = async () =>
    (await receiver.caught())
      .map(({ body }) => JSON.parse(body).data)
      .find(({ organization }) => organization.id === organizationId)
  await rename('Of customers')
  await deliver()
  expect(Object.keys(await data())).not.toEqual(expect.arrayContaining(['email']))
  expect(JSON.stringify(await data())).not.toContain('4711')

  await rename('Of the operator')
  const setOperator = (is: boolean) =>
    sql.query('update webhook_endpoints set is_operator = $2 where id = $1', [receiver.id, is])
  await setOperator(true)
  await deliver()
  await setOperator(false)
  const sent = await data()
  expect(sent).toMatchObject({ email: 'billing@example.com', metadata: { crm: 4711 } })
  const example = /^```json\n(\{"type": "organization\.state"[\s\S]*?)^```/m.exec(guide)?.[1] ?? ''
  expect(Object.keys(sent).toSorted()).toEqual(Object.keys(JSON.parse(example).data).toSorted())
})
