import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Deps } from '../../../src/deps.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { OF_VERIFICATIONS } from '../../../src/metering/functions/columns.ts'
import { DEFINITIONS } from '../../../src/metering/functions/definitions.ts'
import { FUNCTIONS, READ_OF_VERIFICATIONS } from '../../../src/metering/functions/names.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { migratedDatabase } from '../scripts/support.ts'

let database: Awaited<ReturnType<typeof migratedDatabase>>
beforeAll(async () => {
  database = await migratedDatabase()
})
afterAll(() => database.close())

const query = (text: string, parameters: unknown[] = []) => database.sql.query(text, parameters)

test('the database has each function as the code defines it: a changed statement is another function', async () => {
  const stored = await query('select proname as name, prosrc as body from pg_proc where proname = any($1)', [
    Object.values(FUNCTIONS),
  ])
  expect(new Map(stored.map(({ name, body }) => [name, body]))).toEqual(
    new Map(DEFINITIONS.map(({ name, body }) => [name, body])),
  )
})

const AT = Date.now()

function createVerification(organization_id: string, place: number): UsageEvent {
  const isRefused = place % 4 === 3
  return {
    id: `01990000-0000-7000-8000-${String(place).padStart(12, '0')}`,
    source: VERIFICATION,
    organization_id,
    occurred_at: new Date(AT - (place % 3) * 3_600_000).toISOString(),
    key_id: place % 5 ? `01990000-0000-7000-a000-00000000000${place % 3}` : null,
    environment: place % 2 ? 'live' : 'test',
    endpoint: `/v1/${place % 3}`,
    method: 'GET',
    status_code: isRefused ? 429 : 200,
    api_calls: isRefused ? 0 : place % 7,
    ip: '192.0.2.1',
    user_agent: null,
    error_code: isRefused ? 'RATE_LIMITED' : null,
    ...(isRefused ? { requests: 3 } : { lane: place % 2 }),
    trace: { plan: 'free', versions: [1, 1] },
  }
}

const TABLES = {
  usage_events: 'ingested_at',
  usage_hourly: '',
  usage_totals: '',
  usage_slices: '',
  usage_daily_slices: '',
  usage_periods: 'updated_at',
  usage_verdicts: '',
}

/** All rows of an organization, without what distinguishes it from another. */
async function readAll(organizationId: string) {
  const tables = Object.entries(TABLES).map(async ([table, without]) => {
    const rows = await query(
      `select to_jsonb(t) - 'organization_id' - $2 as kept from ${table} t where organization_id = $1 order by 1`,
      [organizationId, without],
    )
    return [table, rows.map(({ kept }) => kept)]
  })
  return Object.fromEntries(await Promise.all(tables))
}

/** The result of a function, without what distinguishes one call from another. */
function toComparable([row]: Record<string, unknown>[]) {
  const { xid: _, others, periods, ...rest } = row as Record<string, { organization_id?: string }[]>
  for (const period of periods ?? []) delete period.organization_id
  return { ...rest, others: others?.map(String).toSorted(), periods }
}

describe('verifications that consume nothing but calls', () => {
  const [one, other] = ['01990000-0000-7000-9000-000000000001', '01990000-0000-7000-9000-000000000002']
  const batchOf = (organization: string, from: number) =>
    Array.from({ length: 20 }, (_, place) => createVerification(organization, from + (place % 19)))

  test('leave the same rows as any usage', async () => {
    for (const from of [0, 10]) {
      const [mine, others] = await Promise.all([
        query(`select * from ${FUNCTIONS.recordVerifications}($1)`, [JSON.stringify(batchOf(one, from))]),
        query(`select * from ${FUNCTIONS.recordUsage}($1)`, [JSON.stringify(batchOf(other, from))]),
      ])
      expect(toComparable(mine)).toEqual(toComparable(others))
      expect(mine[0]).toMatchObject({ sent: 20, accepted: from === 0 ? 19 : 10 })
    }
    const kept = await readAll(one)
    expect(kept).toEqual(await readAll(other))
    expect(Object.values(kept)).not.toContainEqual([])
  })

  test('are recognized by what their function reads', () => {
    expect([...READ_OF_VERIFICATIONS]).toEqual(['source', 'lane', ...OF_VERIFICATIONS.map(({ name }) => name)])
  })

  test('have a function of their own, which a batch with anything else does not use', async () => {
    const called: string[] = []
    const sql = {
      query(text: string, parameters: unknown[]) {
        called.push(text.split('(')[0]?.split(' ').at(-1) ?? '')
        return query(text, parameters)
      },
    }
    const write = (...events: UsageEvent[]) => writeUsage({ sql } as unknown as Deps, events)
    const next = (more: Partial<UsageEvent> = {}) => ({ ...createVerification(one, 100 + called.length), ...more })
    await write(next(), { ...next(), subject: null })
    for (const more of [{ subject: 'anna' }, { request_id: 'mine' }, { price_per_call_usd: '0.1' }, { queries: 1 }])
      await write(next(), next(more))
    await write({ ...next(), source: 'other' })
    expect(called).toEqual([FUNCTIONS.recordVerifications, ...Array.from({ length: 5 }, () => FUNCTIONS.recordUsage)])
  })
})
