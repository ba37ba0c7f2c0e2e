import { afterAll, beforeAll, expect, test } from 'vitest'
import { foldPlatformUsage, MAX_LATE_BATCHES } from '../../../src/metering/fold-platform.ts'
import { FUNCTIONS } from '../../../src/metering/functions/names.ts'
import { migratedDatabase } from '../scripts/support.ts'

const HOUR_MS = 3_600_000
const NOW = new Date()
/** In the previous month, so that hours, days and months are rolled up. */
const START = Date.UTC(NOW.getUTCFullYear(), NOW.getUTCMonth() - 1, 25)

let database: Awaited<ReturnType<typeof migratedDatabase>>
beforeAll(async () => {
  database = await migratedDatabase()
  for (const plan of ['small', 'big', 'huge'])
    await query(`insert into plans (id, name, limits, features) values ($1, $1, '{}', '{}')`, [plan])
})
afterAll(() => database.close())

const query = (text: string, parameters: unknown[] = []) => database.sql.query(text, parameters)
const iso = (at: number) => new Date(at).toISOString()
const hour = (place: number) => START + place * HOUR_MS

async function newOrganization(plan: string): Promise<string> {
  const id = crypto.randomUUID()
  await query(`insert into organizations (id, name, slug, plan_id) values ($1, 'One', $2, $3)`, [id, id, plan])
  return id
}

const putOn = (plan: string, id: string) => query('update organizations set plan_id = $2 where id = $1', [id, plan])

async function use(organization_id: string, at: number): Promise<void> {
  const events = [{ id: crypto.randomUUID(), organization_id, occurred_at: iso(at + 60_000) }]
  await query(`select * from ${FUNCTIONS.recordUsage}($1)`, [JSON.stringify(events)])
}

const age = (minutes: number) =>
  query('update usage_late_hours set noted_at = noted_at - make_interval(mins => $1)', [minutes])
const late = async () => (await query('select distinct hour from usage_late_hours order by 1')).length
const fold = () => foldPlatformUsage({ sql: database.sql })

/** As if the hours from this one on had not ended yet when the job last ran. */
const foldedUntil = (at: number) => query('update usage_platform_progress set folded_until = $1', [iso(at)])

/** All requests by plan: of hours, days and months. */
function byPlan() {
  const sums = ['hours', 'days', 'months'].map(async (table) => {
    const rows = await query(
      `select plan_id, sum(requests)::int as requests from usage_platform_${table} where dimension = '' group by 1`,
    )
    return Object.fromEntries(rows.map(({ plan_id, requests }) => [plan_id, requests]))
  })
  return Promise.all(sums)
}

test('usage stays with the plan of the hour in which it was used, however often that is rolled up again', async () => {
  const id = await newOrganization('small')
  for (const [place, plan] of ['small', 'big', 'huge'].entries()) {
    await putOn(plan, id)
    if (place < 2) await use(id, hour(place))
    await foldedUntil(hour(place))
    await fold()
  }
  const used = { small: 1, big: 1 }
  expect(await byPlan()).toEqual([used, used, used])

  await putOn('small', id)
  for (const place of [0, 1, 3]) await use(id, hour(place)) // the fourth hour had no usage when it was first rolled up
  await age(120)
  await fold()
  expect(await late()).toBe(0)
  const again = { small: 2, big: 2, huge: 1 }
  expect(await byPlan()).toEqual([again, again, again])

  await query('delete from organizations where id = $1', [id])
  await use(id, hour(1))
  await age(120)
  await fold()
  expect((await byPlan())[0]).toEqual({ ...again, big: 3 })
})

test('an hour of late usage is rolled up once nothing was added to it for five minutes', async () => {
  const id = await newOrganization('small')
  await use(id, hour(5))
  await age(4)
  expect(await fold()).toMatchObject({ late: 0 })
  expect(await late()).toBe(1)
  await age(2)
  expect(await fold()).toMatchObject({ late: 1 })
  expect(await late()).toBe(0)
})

test('an hour with trickling usage is rolled up after an hour, and then waits again', async () => {
  const id = await newOrganization('small')
  await use(id, hour(6))
  await age(61)
  await use(id, hour(6))
  expect(await fold()).toMatchObject({ late: 1 })
  await use(id, hour(6))
  expect(await fold()).toMatchObject({ late: 0 })
  await age(6)
  expect(await fold()).toMatchObject({ late: 1 })
})

test('a run rolls up a bounded number of late hours, the longest waiting first', async () => {
  const days = Array.from({ length: 3 * MAX_LATE_BATCHES }, (_, day) => iso(START - day * 24 * HOUR_MS))
  await query(
    `insert into usage_late_hours select day, now() - make_interval(mins => 10 + place::int)
     from unnest($1::timestamptz[]) with ordinality as noted(day, place)`,
    [days],
  )
  expect(await fold()).toMatchObject({ late: MAX_LATE_BATCHES })
  const rows = await query('select min(hour) as first from usage_late_hours')
  expect(iso(Date.parse(String(rows[0]?.first)))).toBe(days[2 * MAX_LATE_BATCHES - 1])
  for (const _ of [1, 2]) await fold()
  expect(await late()).toBe(0)
})
