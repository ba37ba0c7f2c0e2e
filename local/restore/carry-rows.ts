import type { Sql } from '../../src/db/client.ts'
import { type Rows, WHOLE } from './parts.ts'

const PAGE_ROWS = 500

/** The former database, and the restored one. */
export interface Restore {
  readonly former: Sql
  readonly restored: Sql
  /** The moment to which the latter was restored, ISO 8601. */
  readonly moment: string
  /** Some minutes before the moment. */
  readonly since: string
}

export interface Carried {
  readonly inserted: number
  readonly updated: number
}

/** Copies the rows of one table, in pages. Idempotent: existing rows are not added again. */
export async function carryRows({ former, restored, since }: Restore, rows: Rows): Promise<Carried> {
  const { table, key, actedAt } = rows
  const order = key.map((name) => `t.${name}`).join(', ')
  const row = actedAt ? `to_jsonb(t) || jsonb_build_object('acted_at', ${actedAt})` : 'to_jsonb(t)'
  const read = `select ${row} as row from ${table} t where ${rows.since} and $1::timestamptz is not null order by ${order}
    limit ${PAGE_ROWS} offset $2::int`
  const columns = await listColumns(restored, table)
  let [inserted, updated] = [0, 0]
  for (let offset = 0; ; offset += PAGE_ROWS) {
    const page = await former.query(read, [since, offset])
    if (page.length === 0) return { inserted, updated }
    const body = JSON.stringify(page.map(({ row }) => row))
    // Update before insert, so that rows that were just inserted are not updated.
    if (rows.update) updated += (await restored.query(updateStatement(rows, columns), [body])).length
    if (rows.insertIf) inserted += (await restored.query(insertStatement(rows, columns), [body])).length
  }
}

/** The stored columns of a table, without generated ones. */
async function listColumns(sql: Sql, table: string): Promise<string[]> {
  const rows = await sql.query(
    `select quote_ident(column_name) as name from information_schema.columns
     where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER' order by ordinal_position`,
    [table],
  )
  return rows.map(({ name }) => String(name))
}

const updateStatement = ({ table, key, update = '', updateIf = 'true' }: Rows, columns: readonly string[]) => `
update ${table} t set ${update === WHOLE ? assignAll(columns, key) : update} from jsonb_array_elements($1::jsonb) item
cross join lateral jsonb_populate_record(null::${table}, item) r
where ${key.map((name) => `t.${name} = r.${name}`).join(' and ')} and (${updateIf}) returning 1`

const assignAll = (columns: readonly string[], key: readonly string[]) =>
  columns
    .filter((name) => !key.includes(name))
    .map((name) => `${name} = r.${name}`)
    .join(', ')

const insertStatement = ({ table, key, insertIf = 'true', replace = {} }: Rows, columns: readonly string[]) => `
insert into ${table} (${columns.join(', ')}) select ${columns.map((name) => `whole.${name}`).join(', ')} from jsonb_array_elements($1::jsonb) item
cross join lateral jsonb_populate_record(null::${table}, item) r
cross join lateral jsonb_populate_record(r, jsonb_build_object(${Object.entries(replace)
  .map(([name, sql]) => `'${name}', ${sql}`)
  .join(', ')})) whole
where (${insertIf}) and not exists (select from ${table} t where ${key.map((name) => `t.${name} = r.${name}`).join(' and ')})
on conflict do nothing returning 1`
