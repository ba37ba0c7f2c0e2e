import { afterAll, beforeAll, expect, test } from 'vitest'
import { compactHours } from '../../../src/metering/compact-hours.ts'
import { foldPlatformUsage } from '../../../src/metering/fold-platform.ts'
import { FUNCTIONS } from '../../../src/metering/functions/names.ts'
import { hoursKeptFrom } from '../../../src/metering/kept-hours.ts'
import { usageBreakdown } from '../../../src/usage/analytics/breakdown.ts'
import { listDailySums } from '../../../src/usage/analytics/daily-sums.ts'
import { parseBuckets, parseHours, parseHoursOfKey } from '../../../src/usage/analytics/query-span.ts'
import { usageSummary } from '../../../src/usage/analytics/summary.ts'
import { usageTimeseries } from '../../../src/usage/analytics/timeseries.ts'
import { migratedDatabase } from '../scripts/support.ts'

const [HOUR, DAY] = [3_600_000, 24 * 3_600_000]
const NOW = Date.now()
const KEPT = hoursKeptFrom(NOW)
const organizationId = crypto.randomUUID()
const keyId = crypto.randomUUID()
const config = { USAGE_RETENTION_DAYS: 90, faults: [] } as unknown as Parameters<typeof compactHours>[0]['config']
const database = await migratedDatabase()
const { sql } = database
const iso = (at: number) => new Date(at).toISOString()
const day = (at: number) => iso(at).slice(0, 10)

const compact = (now = NOW, at = now) => compactHours({ sql, config, now: () => now }, at)

async function use(at: number, place: number): Promise<void> {
  const event = {
    id: crypto.randomUUID(),
    organization_id: organizationId,
    key_id: place % 3 ? keyId : null,
    occurred_at: iso(at),
    endpoint: place % 4 ? '/v1/answers' : '',
    status_code: place % 5 ? 200 : 429,
    response_time_ms: place * 7,
    api_calls: 1 + place,
    provider: 'openai',
    model: place % 2 ? 'gpt-5-mini' : 'unknown',
    input_tokens: place,
    cost_usd: place % 2 ? '0.000123456' : null,
    environment: 'live',
    quantities: { images: place },
  }
  await sql.query(`select * from ${FUNCTIONS.recordUsage}($1)`, [JSON.stringify([event])])
}

const HOURS = 'usage_hourly usage_totals usage_slices usage_meter_hourly usage_platform_hours'.split(' ')

beforeAll(async () => {
  await sql.query(`insert into plans (id, name, limits, features) values ('free', 'Free', '{}', '{}')`)
  await sql.query(`insert into organizations (id, name, slug, plan_id) values ($1, 'Acme', 'acme', 'free')`, [
    organizationId,
  ])
  await sql.query(`insert into meters (slug, name, unit, kind) values ('images', 'Images', 'image', 'counter')`)
  await sql.query('update usage_platform_progress set folded_until = $1', [iso(KEPT - 5 * DAY)])
  for (let place = 0; place < 40; place++) await use(KEPT - 4 * DAY + place * 3 * HOUR + 1_000, place) // five days, the last kept
  await foldPlatformUsage({ sql })
})

afterAll(() => database.close())

/** The queries by whole days, before and after. */
async function answer() {
  const bounds = { from: day(KEPT - 4 * DAY), to: day(KEPT + DAY) }
  const span = parseHours(bounds, NOW)
  const scope = { organizationId, seesCosts: true }
  const platform = { plan: undefined, foldedUntil: NOW, seesCosts: true } as unknown as typeof scope
  const series = (tz: string, interval: 'day' | 'month', filter = {}) =>
    usageTimeseries(sql, scope, parseBuckets({ ...bounds, tz, interval }, filter, NOW), filter)
  return {
    summary: await usageSummary(sql, scope, span),
    days: await series('UTC', 'day'),
    months: await series('Europe/Berlin', 'month'),
    ofModel: await series('UTC', 'day', { model: 'gpt-5-mini' }),
    breakdowns: await Promise.all(
      (['endpoint', 'key', 'model', 'status', 'environment'] as const).map((by) =>
        usageBreakdown(sql, scope, { by, span, limit: 10, order: 'images' }),
      ),
    ),
    ofKey: await usageBreakdown(sql, scope, {
      by: 'endpoint',
      span: parseHoursOfKey(bounds, NOW),
      keyId,
      limit: 10,
      order: 'requests',
    }),
    everybody: await usageSummary(sql, platform, span),
    exported: await listDailySums(sql, organizationId, { span, after: undefined, limit: 800, seesCosts: true }),
    platformDays: await sql.query('select * from usage_platform_days order by dimension, day, value'),
  }
}

test('sums of hours become sums of days after 13 months, and every result by day stays the same', async () => {
  const before = await answer()
  expect(before.summary.totals.requests).toBe(40)
  const counted = async (table: string) => {
    const [row] = await sql.query(
      `select count(*) filter (where hour < $1 and hour <> date_trunc('day', hour, 'UTC') + interval '12 hours')::int as hours,
         count(distinct hour) filter (where hour < $1)::int as days, count(distinct hour) filter (where hour >= $1)::int as kept from ${table}`,
      [iso(KEPT)],
    )
    return row
  }
  for (const table of HOURS) expect([table, (await counted(table))?.days]).toEqual([table, 32])
  expect(await compact()).toMatchObject({ days: 4, left: 0 })
  for (const table of HOURS) expect([table, await counted(table)]).toEqual([table, { hours: 0, days: 4, kept: 8 }])
  expect(await answer()).toEqual(before)
  expect(await compact()).toEqual({ days: 0, rows: 0, left: 0 })
})

test('a run that ended in the middle of a day continues there, and two concurrent runs count nothing twice', async () => {
  const before = await answer()
  await sql.query(`delete from retention_progress where task = 'compact hours'`)
  for (let place = 0; place < 5; place++) await use(KEPT - 4 * DAY + place * HOUR, place)
  const more = (await answer()).summary.totals.requests
  expect(more).toBe(before.summary.totals.requests + 5)
  await Promise.all([compact(), compact()])
  expect((await answer()).summary.totals.requests).toBe(more)
})

test('hours are kept while raw events need them, and until they are rolled up', async () => {
  await use(KEPT - 40 * DAY, 1)
  await sql.query(`delete from retention_progress where task = 'compact hours'`)
  const longer = { ...config, USAGE_RETENTION_DAYS: 3650 } as typeof config
  expect(await compactHours({ sql, config: longer, now: () => NOW }, NOW)).toMatchObject({ days: 0, left: 0 })
  await sql.query('update usage_platform_progress set folded_until = $1', [iso(KEPT - 39 * DAY)])
  expect(await compact()).toMatchObject({ days: 1 })
})

test('a clock that runs ahead compacts no hours that must be kept', async () => {
  await sql.query('update usage_platform_progress set folded_until = $1', [iso(NOW)])
  await compact()
  const kept = () => sql.query('select count(*)::int as rows from usage_totals where hour >= $1', [iso(KEPT)])
  const before = await kept()
  await compact(NOW, NOW + 900 * DAY)
  expect(await kept()).toEqual(before)
})

test('by the hour, such a day has all of its usage in the hour of its noon', async () => {
  const first = KEPT - 3 * DAY
  const scope = { organizationId, seesCosts: true }
  const bounds = { from: iso(first), to: iso(first + DAY) }
  const hours = await usageTimeseries(sql, scope, parseBuckets({ ...bounds, interval: 'hour', tz: 'UTC' }, {}, NOW), {})
  const { totals } = await usageSummary(sql, scope, { from: first, to: first + DAY })
  expect(totals.requests).toBeGreaterThan(1)
  expect(hours.map(({ requests }) => requests)).toEqual(
    Array.from({ length: 24 }, (_, hour) => (hour === 12 ? totals.requests : 0)),
  )
})
