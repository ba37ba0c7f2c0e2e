import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { ormOver } from '../../../src/db/orm.ts'
import { claimDeliveries } from '../../../src/events/claim.ts'
import { insertDeliveries } from '../../../src/events/publish.ts'
import { statesPublished } from '../../../src/events/state.ts'
import { directly } from '../../support/direct.ts'
import { newUser } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'
import { newReceiver } from '../../support/webhooks.ts'

const deps = directly()

// A test cannot time two overlapping transactions, so these check the lock order itself.

test('a batch that publishes states locks endpoints before it supersedes older states', () => {
  const steps = statesPublished(managementDeps(deps), sql`select null::uuid as id`)
  const [first, second] = steps.map((step) => (step as unknown as { getQuery(): { sql: string } }).getQuery().sql)
  expect(first).toContain('insert into webhook_deliveries')
  expect(second).toMatch(/update webhook_deliveries[^]*order by endpoint_id, id for no key update/)
})

test('one-time events are inserted by endpoint and id, whatever the order in which they are found', async () => {
  const { user, token } = await newUser()
  const organizationId = user.organization_id as string
  const receiver = await newReceiver(token, { events: ['key.expired'] })
  const run = crypto.randomUUID()
  const found = sql.join(
    [4, 1, 3, 0, 2].map((at) => sql`(${organizationId}::uuid, '{}'::jsonb, ${`${run}_${at}`}::text)`),
    sql`, `,
  )
  const subjects = sql`select * from (values ${found}) v (organization_id, data, once)`
  const { rows } = await ormOver(deps.sql).execute<{ id: string }>(
    insertDeliveries(deps.now(), { type: 'key.expired', isOnce: true, subjects }),
  )
  const stored = await deps.sql.query('select id, event_id from webhook_deliveries where endpoint_id = $1', [
    receiver.id,
  ])
  const names = new Map(stored.map(({ id, event_id }) => [id, event_id]))
  expect(rows.map(({ id }) => names.get(id)).filter(Boolean)).toEqual([0, 1, 2, 3, 4].map((at) => `evt_${run}_${at}`))
})

test('a claim locks deliveries in the same order, and never waits for a lock', async () => {
  const asked: string[] = []
  const watched = {
    ...deps,
    sql: Object.assign(Object.create(deps.sql), {
      query: async (text: string) => {
        asked.push(text)
        return []
      },
    }),
  }
  await claimDeliveries(watched, { atMost: 1 })
  expect(asked.join()).toMatch(/order by d\.endpoint_id, d\.id for no key update of d skip locked/)
})
