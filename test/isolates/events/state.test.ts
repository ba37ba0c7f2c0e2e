import { sql } from 'drizzle-orm'
import { expect, test, vi } from 'vitest'
import { runBatch } from '../../../src/db/batch.ts'
import { claimDeliveries } from '../../../src/events/claim.ts'
import { deliverNow } from '../../../src/events/deliver.ts'
import { insertStates, replaceStates } from '../../../src/events/state.ts'
import { directly } from '../../support/direct.ts'
import { failWebhooks } from '../../support/faults.ts'
import { call } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'
import { world } from '../../support/webhook-world.ts'

vi.setConfig({ testTimeout: 60_000 })

async function stateWorld() {
  const here = await world({ events: ['organization.state'] })
  const { isolate, organizationId, receiver } = here
  const rows = () =>
    directly().sql.query(
      'select id, state, attempts, next_attempt_at from webhook_deliveries where endpoint_id = $1 order by id',
      [receiver.id],
    )
  const pending = async () => (await rows()).filter(({ next_attempt_at }) => next_attempt_at !== null)
  /** Changes its name and lets the state be told, without sending it at once. */
  async function rename(name: string) {
    const { db, now } = managementDeps(isolate.deps())
    const it = sql`select ${organizationId}::uuid as id`
    await runBatch(db, {
      change: db.execute(sql`update organizations set name = ${name} where id = ${organizationId}::uuid`),
      replaced: db.execute(replaceStates(it)),
      states: db.execute(insertStates(now(), it)),
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

test('of an organization’s states one waits for an endpoint, and it tells of the last change', async () => {
  const { rename, pending, deliver, names, rows } = await stateWorld()
  await Promise.all(Array.from({ length: 10 }, (_, at) => rename(`Name ${at}`)))
  await rename('Last name')
  expect(await pending()).toHaveLength(1)
  await deliver()
  expect(await names()).toEqual(['Last name'])
  expect(await rows()).toMatchObject([{ state: 'delivered', attempts: 1 }])
})

test('a change during an attempt is told by another one', async () => {
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

test('an attempt that failed is given up for a newer state, and repeated it tells what is so by then', async () => {
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

test('acts of the API let it be told, and what they do not change does not', async () => {
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
