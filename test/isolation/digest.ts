import { exports } from 'cloudflare:workers'
import { ALL_METERS } from '../../src/db/schema/meters.ts'
import { directly } from '../support/direct.ts'
import type { World } from './world.ts'

const { sql } = directly()

/** The column by which a row belongs to an organization, or to one of its people. */
const OWNERS = ['organization_id', 'user_id', 'session_id', 'endpoint_id'] as const
type Owner = (typeof OWNERS)[number]

/** Every table with such a column, including future ones. */
const TABLES = `
  select c.relname as table, array_agg(a.attname::text) as columns
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and a.attname = any($1) group by c.relname order by c.relname`

const rowsOf = (table: string, condition: string) =>
  `select '${table}' as name, count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as rows
   from ${table} t where ${condition}`

/** A count and a hash of a world's rows by table: equal twice if nothing of it changed in between. */
export async function digestOf({ ids, emails }: World): Promise<Record<string, string>> {
  const tables = await sql.query(TABLES, [OWNERS])
  const parameter: Record<Owner, string> = {
    organization_id: '$1::uuid[]',
    user_id: '$2::uuid[]',
    session_id: '$3::uuid[]',
    endpoint_id: '$4::uuid[]',
  }
  const conditionOf = (columns: Owner[]) => columns.map((one) => `${one} = any(${parameter[one]})`).join(' or ')
  const selects = [
    ...tables.map(({ table, columns }) => rowsOf(table as string, conditionOf(columns as Owner[]))),
    rowsOf('organizations', 'id = any($1::uuid[])'),
    rowsOf('users', 'id = any($2::uuid[])'),
    `select 'mail_outbox' as name, count(*)::text as rows from mail_outbox where recipient = any($5::text[])`,
  ]
  const { organization, user, session, endpoint } = ids
  const rows = await sql.query(selects.join(' union all '), [organization, user, session, endpoint, emails])
  const quotas = await exports.Tollgate.getQuotas({ organization_id: organization[0] })
  // concurrent tests define meters for everybody
  const builtIn = 'meters' in quotas && ALL_METERS.map((meter) => quotas.meters[meter])
  return {
    ...Object.fromEntries(rows.map(({ name, rows }) => [name, rows])),
    held: JSON.stringify({ ...quotas, meters: builtIn }),
  }
}

/** @returns the tables in which a world differs */
export async function changedSince(before: Record<string, string>, world: World): Promise<string[]> {
  const now = await digestOf(world)
  return Object.keys(now).flatMap((name) => (now[name] === before[name] ? [] : [`${name} of the stranger changed`]))
}
