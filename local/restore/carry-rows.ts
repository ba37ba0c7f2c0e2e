import type { Sql } from '../../src/db/client.ts'
import type { Rows } from './parts.ts'

const PAGE_ROWS = 500

/** The former database and the restored one, and the moment (ISO 8601) to which that was restored. */
export interface Restore {
  readonly former: Sql
  readonly restored: Sql
  readonly since: string
}

export interface Carried {
  readonly inserted: number
  readonly updated: number
}

/** Carries the rows of one table, in pages. Idempotent: what is there already stays. */
export async function carryRows({ former, restored, since }: Restore, rows: Rows): Promise<Carried> {
  const { table, key } = rows
  const order = key.map((name) => `t.${name}`).join(', ')
  const read = `select to_jsonb(t) as row from ${table} t where ${rows.since} and $1::timestamptz is not null order by ${order}
    limit ${PAGE_ROWS} offset $2::int`
  const columns = rows.insertIf ? await listColumns(restored, table) : []
  let [inserted, updated] = [0, 0]
  for (let offset = 0; ; offset += PAGE_ROWS) {
    const page = await former.query(read, [since, offset])
    if (page.length === 0) return { inserted, updated }
    const body = JSON.stringify(page.map(({ row }) => row))
    // What is updated first cannot be what was just inserted.
    if (rows.update) updated += (await restored.query(updateStatement(rows), [body])).length
    if (rows.insertIf) inserted += (await restored.query(insertStatement(rows, columns), [body])).length
  }
}

/** The columns of a table that are stored, not derived from others. */
async function listColumns(sql: Sql, table: string): Promise<string[]> {
  const rows = await sql.query(
    `select quote_ident(column_name) as name from information_schema.columns
     where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER' order by ordinal_position`,
    [table],
  )
  return rows.map(({ name }) => String(name))
}

const updateStatement = ({ table, key, update, updateIf = 'true' }: Rows) => `
update ${table} t set ${update} from jsonb_populate_recordset(null::${table}, $1::jsonb) r
where ${key.map((name) => `t.${name} = r.${name}`).join(' and ')} and (${updateIf}) returning 1`

const insertStatement = ({ table, key, insertIf = 'true', replace = {} }: Rows, columns: readonly string[]) => `
insert into ${table} (${columns.join(', ')}) select ${columns.map((name) => `whole.${name}`).join(', ')} from jsonb_array_elements($1::jsonb) item
cross join lateral jsonb_populate_record(null::${table}, item) r
cross join lateral jsonb_populate_record(r, jsonb_build_object(${Object.entries(replace)
  .map(([name, sql]) => `'${name}', ${sql}`)
  .join(', ')})) whole
where (${insertIf}) and not exists (select from ${table} t where ${key.map((name) => `t.${name} = r.${name}`).join(' and ')})
on conflict do nothing returning 1`
