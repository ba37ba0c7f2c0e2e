import { afterAll, beforeAll, expect, test } from 'vitest'
import { changedAfter } from '../../../src/db/recent-periods.ts'
import { CORRECT_EVENT } from '../../../src/metering/correct-statement.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { FUNCTIONS } from '../../../src/metering/functions/names.ts'
import { RECORD_USAGE } from '../../../src/metering/functions/statements.ts'
import { KIND_COLUMNS } from '../../../src/metering/functions/sums.ts'
import { migratedDatabase } from '../scripts/support.ts'

const ORGANIZATION = crypto.randomUUID()
const AT = new Date().toISOString()

let database: Awaited<ReturnType<typeof migratedDatabase>>
beforeAll(async () => {
  database = await migratedDatabase()
  for (const kind of ['counter', 'gauge'])
    await query(`insert into meters (slug, name, unit, kind) values ($1, $1, '', $1)`, [kind])
})
afterAll(() => database.close())

const query = (text: string, parameters: unknown[] = []) => database.sql.query(text, parameters)

/** Everything that an event can add to a sum. */
function createEvents(): UsageEvent[] {
  const use = { organization_id: ORGANIZATION, occurred_at: AT, key_id: ORGANIZATION, endpoint: '/a', subject: 'anna' }
  return [
    { ...use, id: crypto.randomUUID(), source: VERIFICATION, lane: 0, api_calls: 1, price_per_call_usd: '0.1' },
    { ...use, id: crypto.randomUUID(), api_calls: 1, queries: 1, concepts: 7, response_time_ms: 9 },
    { ...use, id: crypto.randomUUID(), provider: 'p', model: 'm', input_tokens: 9, cost_usd: '0.1' },
    { ...use, id: crypto.randomUUID(), quantities: { counter: 2, gauge: 3 } },
  ]
}

const TEXTS = { endpoint: '/b', provider: '', model: '', route: '' }
const AFTER = {
  ...TEXTS,
  ...Object.fromEntries(
    [
      'status_code',
      'requests',
      'api_calls',
      'queries',
      'input_tokens',
      'output_tokens',
      'cached_tokens',
      ...KIND_COLUMNS,
    ].map((name) => [name, 1]),
  ),
}

const correction = (id: string) =>
  JSON.stringify({ organization_id: ORGANIZATION, occurred_at: AT, id, after: AFTER, correction: {} })

test('each sum that usage is added to is updated in place: no index has a column that a write changes', async () => {
  // few: the row versions of one transaction stay in its page until it ends
  const batches = Array.from({ length: 2 }, createEvents)
  const corrected = batches.flatMap((batch) => batch[1]?.id ?? [])
  const results = await database.sql.transaction([
    ...batches.map((batch) => query(`select * from ${FUNCTIONS.recordUsage}($1)`, [JSON.stringify(batch)])),
    ...corrected.map((id) => query(CORRECT_EVENT.join('$1'), [correction(id)])),
    query(`select relname, n_tup_upd::int as updated, n_tup_hot_upd::int as in_place from pg_stat_xact_user_tables
      where n_tup_upd > 0 and relname !~ '^usage_events' order by 1`),
  ])
  const updates = results.at(-1) ?? []
  const sums = new Set([...RECORD_USAGE.matchAll(/insert into (\w+) as known/g)].map(([, table]) => table))
  expect(updates.map(({ relname }) => relname)).toEqual([...sums].toSorted())
  expect(updates.filter(({ updated, in_place }) => in_place < updated)).toEqual([])
})

test('recent changes are found by the start of their period', async () => {
  const asked = `explain select from usage_periods u where ${changedAfter('u', 'now()')}`
  const [, plan] = await database.sql.transaction([query('set local enable_seqscan = off'), query(asked)])
  expect(JSON.stringify(plan)).toContain('usage_periods_started')
})
