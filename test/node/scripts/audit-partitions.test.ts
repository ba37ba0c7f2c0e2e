import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { migrateDown, migrateUp } from '../../../local/support/migrations.ts'
import { dropAuditPartitions, makeAuditPartitions } from '../../../src/audit/partitions.ts'
import { listAllAuditLogs, listOrganizationAuditLogs } from '../../../src/audit/queries.ts'
import { ormOver } from '../../../src/db/orm.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { emptyDatabase } from './support.ts'

const DAY = 24 * 3_600_000
const NOW = Date.now()
const organizationId = uuidv7(0)
const database = await emptyDatabase()
const { sql } = database

afterAll(() => database.close())

beforeEach(async () => {
  await sql.transaction([sql.query('drop schema public cascade'), sql.query('create schema public')])
})

const up = (last?: string) => migrateUp(sql, last, () => undefined)
const down = (last: string) => migrateDown(sql, last, () => undefined)

/** As written by the release before partitions, and by this one. */
function write(at: number, ip: string | null = '192.0.2.7') {
  const moment = new Date(at).toISOString()
  return sql.query(
    `insert into "audit_logs" ("id", "organization_id", "actor_type", "actor_id", "action", "target_type", "target_id", "result", "ip", "user_agent", "request_id", "detail", "created_at")
     values ($1, $2, 'user', $2, 'login.succeeded', null, null, 'success', $3, $4, 'r', '{}', $5)`,
    [uuidv7(at), organizationId, ip, ip && 'curl', moment],
  )
}

const monthOf = (at: number) => new Date(at).toISOString().slice(0, 7).replace('-', '_')
const firstOf = (at: number, months: number) => {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1)
}

async function held(): Promise<[partition: string, rows: number][]> {
  const rows = await sql.query(
    'select tableoid::regclass::text as held, count(*)::int as rows from audit_logs group by 1 order by 1',
  )
  return rows.map((row) => [row.held, row.rows])
}

/** Every row in pages of two, from either list. */
async function readAll(list: 'organization' | 'all'): Promise<number[]> {
  const db = ormOver(sql)
  const found: number[] = []
  for (let after: string | undefined; ; ) {
    const page = { limit: 2, after }
    const rows = await (list === 'all'
      ? listAllAuditLogs(db, {}, page)
      : listOrganizationAuditLogs(db, organizationId, {}, page))
    found.push(...rows.slice(0, 2).map((row) => row.createdAt.getTime()))
    if (rows.length <= 2) return found
    after = rows[1]?.id
  }
}

describe('the migration', () => {
  const OLD = [NOW - 900 * DAY, NOW - 400 * DAY, NOW - 31 * DAY, NOW - 1_000]

  test('makes the existing log the first partition, and new rows go into it until its months are over', async () => {
    await up('0051')
    for (const at of OLD) await write(at)
    await up('0052')
    await write(NOW)
    await up('0053')
    const next = firstOf(NOW, 2)
    await write(NOW + 1)
    await write(next)
    expect(await held()).toEqual([
      [`audit_logs_${monthOf(next)}`, 1],
      [`audit_logs_before_${monthOf(next)}`, 6],
    ])
    const all = [next, NOW + 1, NOW, ...OLD.toReversed()]
    expect(await readAll('organization')).toEqual(all)
    expect(await readAll('all')).toEqual(all)

    await down('0053')
    const [row] = await sql.query('select count(*)::int as rows from only audit_logs')
    expect(row?.rows).toBe(all.length)
    expect(await readAll('all')).toEqual(all)
  })

  test('reads no row under the exclusive lock: a constraint already says where they belong', async () => {
    await up('0051')
    await write(NOW)
    await up('0052')
    const [{ validated } = {}] = await sql.query(
      `select convalidated as validated from pg_constraint where conname = 'audit_logs_before'`,
    )
    expect(validated).toBe(false)
    const before = await sql.query(`select indexrelid from pg_index where indrelid = 'audit_logs'::regclass order by 1`)
    await up()
    const after = await sql.query(
      `select indexrelid from pg_index join pg_class on pg_class.oid = indrelid where relname like 'audit_logs_before_%' order by 1`,
    )
    expect(after).toEqual(before) // none was built
  })

  test('of an empty log begins with the current month', async () => {
    await up()
    await write(NOW)
    expect(await held()).toEqual([[`audit_logs_${monthOf(NOW)}`, 1]])
  })

  test('can be reverted although the first partition was dropped', async () => {
    await up()
    await write(NOW)
    await sql.query('select drop_audit_partitions_before($1)', [monthOf(NOW)])
    await down('0052')
    expect(await readAll('organization')).toEqual([NOW])
    await up()
    expect(await readAll('all')).toEqual([NOW])
  })
})

describe('the jobs', () => {
  beforeEach(() => up())

  test('create months ahead, once, and move what came before its month into it', async () => {
    const later = firstOf(NOW, 20)
    await write(later + DAY)
    expect(await held()).toEqual([['audit_logs_default', 1]])
    expect(await makeAuditPartitions({ sql }, later + 5 * DAY)).toEqual({ made: 4 })
    expect(await makeAuditPartitions({ sql }, later + 5 * DAY)).toEqual({ made: 0 })
    expect(await held()).toEqual([[`audit_logs_${monthOf(later)}`, 1]])
    expect(await makeAuditPartitions({ sql }, NOW)).toEqual({ made: 0 }) // done by the migration
  })

  test('drop months beyond the retention, and empty the first and the default one of them', async () => {
    const [month, early, late] = [firstOf(NOW, 1), firstOf(NOW, -50) + DAY, firstOf(NOW, 9)]
    for (const at of [early, early + 1, NOW, month, month + 40 * DAY, late]) await write(at)
    const config = { AUDIT_RETENTION_DAYS: 100, faults: [] } as unknown as Parameters<
      typeof dropAuditPartitions
    >[0]['config']
    const drop = (keptFrom: number) => dropAuditPartitions({ sql, config }, keptFrom + 100 * DAY)
    expect(await drop(firstOf(NOW, -49) - 1)).toEqual({ dropped: 0, deleted: 0 })
    expect(await drop(firstOf(NOW, -49))).toEqual({ dropped: 0, deleted: 2 })
    expect(await drop(month - 1)).toEqual({ dropped: 1, deleted: 0 }) // the first, which ends where the current month begins
    expect((await readAll('all')).length).toBe(4)
    expect(await drop(month)).toEqual({ dropped: 1, deleted: 0 })
    expect(await readAll('all')).toEqual([late, month + 40 * DAY, month])
    expect(await drop(firstOf(NOW, 10))).toEqual({ dropped: 3, deleted: 1 })
    expect(await held()).toEqual([])
  })
})

test('no row of any partition can be changed, deleted or truncated, but old addresses can be erased', async () => {
  await up()
  await write(NOW - 29 * DAY)
  await write(NOW - 31 * DAY)
  await write(NOW)
  await write(firstOf(NOW, 20))
  const partitions = await sql.query(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_logs'::regclass`,
  )
  const refused = { code: '42501' }
  for (const { name } of [{ name: 'audit_logs' }, ...partitions])
    await expect(sql.query(`truncate ${name}`), name).rejects.toMatchObject(refused)
  for (const [name] of [['audit_logs'], ...(await held())]) {
    await expect(sql.query(`delete from ${name}`), name).rejects.toMatchObject(refused)
    await expect(sql.query(`update ${name} set result = 'failure'`), name).rejects.toMatchObject(refused)
  }
  const old = [new Date(NOW - 30 * DAY).toISOString()]
  const erase = 'update audit_logs set ip = null, user_agent = null'
  await expect(sql.query(erase)).rejects.toMatchObject(refused)
  await expect(sql.query(`${erase}, action = 'x' where created_at < $1`, old)).rejects.toMatchObject(refused)
  await expect(sql.query(`update audit_logs set ip = 'x' where created_at < $1`, old)).rejects.toMatchObject(refused)
  await sql.query(`${erase} where created_at < $1`, old)
  const rows = await sql.query('select ip from audit_logs order by created_at')
  expect(rows.map(({ ip }) => ip)).toEqual([null, '192.0.2.7', '192.0.2.7', '192.0.2.7'])
})
