import type { Sql } from '../../src/db/client.ts'
import type { Restore } from './carry-rows.ts'
import { BEGUN, type Removal } from './removals.ts'

const PAGE_ACTS = 500

type Keys = Readonly<Record<string, unknown>>

/** Removes rows that were removed since the moment. @returns how many rows are gone */
export async function removeRows({ former, restored, since, moment }: Restore, removal: Removal): Promise<number> {
  const { table, key } = removal
  const read = `select to_jsonb(act) as act from (${removal.acts ?? actsOf(removal)}) act order by to_jsonb(act) limit ${PAGE_ACTS} offset $2::int + 0 * ($3::timestamptz is null)::int`
  let removed = 0
  for (let offset = 0; ; offset += PAGE_ACTS) {
    const acts = (await former.query(read, [since, offset, moment])).map(({ act }) => act)
    if (acts.length === 0) return removed
    const found = await listKeys(restored, candidates(removal), JSON.stringify(acts))
    const kept = new Set((await listKeys(former, present(table, key), JSON.stringify(found))).map(toText))
    const gone = found.filter((keys) => !kept.has(toText(keys)))
    if (gone.length === 0) continue
    const rows = JSON.stringify(gone)
    for (const statement of removal.before ?? []) await restored.query(statement, [rows])
    removed += (await restored.query(deletion(table, key), [rows])).length
  }
}

/** Removes single-use rows from before the moment that may have been used since. */
export async function removeBegun({ restored, moment }: Restore): Promise<number> {
  let removed = 0
  for (const [table, condition] of Object.entries(BEGUN))
    removed += (await restored.query(`delete from ${table} where ${condition} returning 1`, [moment])).length
  return removed
}

const actsOf = ({
  actions = [],
}: Removal) => `select organization_id, actor_id, target_id, action, detail, max(created_at) as at
  from audit_logs where created_at >= $1 and result = 'success' and action in ('${actions.join("', '")}') group by 1, 2, 3, 4, 5`

const listKeys = async (sql: Sql, text: string, rows: string): Promise<Keys[]> =>
  (await sql.query(text, [rows])).map(({ keys }) => keys as Keys)

const keysOf = (key: readonly string[]) =>
  `jsonb_build_object(${key.map((name) => `'${name}', t.${name}`).join(', ')}) as keys`

const toText = (keys: Keys): string => JSON.stringify(Object.entries(keys).toSorted(([a], [b]) => (a < b ? -1 : 1)))

const candidates = ({ table, key, ofAct }: Removal) => `select distinct ${keysOf(key)} from ${table} t
join (
  select act.*, case when act.target_id ~ '^[0-9a-f]{8}-[0-9a-f-]{27}$' then act.target_id::uuid end as target_user
  from jsonb_to_recordset($1::jsonb) act(organization_id uuid, actor_id uuid, target_id text, action text, detail jsonb, at timestamptz)
) a on ${ofAct}`

const joined = (table: string, key: readonly string[]) => `jsonb_populate_recordset(null::${table}, $1::jsonb) r
${key.map((name, place) => `${place === 0 ? 'where' : 'and'} t.${name} = r.${name}`).join(' ')}`

const present = (table: string, key: readonly string[]) =>
  `select ${keysOf(key)} from ${table} t, ${joined(table, key)}`

const deletion = (table: string, key: readonly string[]) =>
  `delete from ${table} t using ${joined(table, key)} returning 1`
