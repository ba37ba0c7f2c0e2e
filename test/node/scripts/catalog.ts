import type { Sql } from '../../../src/db/client.ts'

/** One object in the database: its table, its kind, and its definition in one line. */
export interface Entry {
  readonly of: string
  readonly kind: string
  readonly text: string
}

const HERE = `'public'::regnamespace`
const NAME = 'c.relname::text'
const RELATIONS = `pg_class c where c.relnamespace = ${HERE}`

/** Each in PostgreSQL's own words, so that equal objects have equal texts. */
const KINDS: Readonly<Record<string, string>> = {
  relation: `select ${NAME} as of, concat_ws(' ', c.relname, c.relkind, c.relpersistence, c.reloptions::text) as text
    from ${RELATIONS} and c.relkind not in ('i', 'I')`,
  partitioning: `select ${NAME} as of, concat_ws(' ', c.relname, 'in', i.inhparent::regclass, pg_get_partkeydef(c.oid),
      pg_get_expr(c.relpartbound, c.oid)) as text
    from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.relnamespace = ${HERE} and (c.relkind = 'p' or c.relispartition and c.relkind = 'r')`,
  column: `select ${NAME} as of, concat_ws(' ', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then 'not null' end, 'default ' || pg_get_expr(d.adbin, d.adrelid), nullif(a.attidentity, ''),
      nullif(a.attgenerated, ''), a.attcollation::regcollation) as text
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = ${HERE} and c.relkind not in ('i', 'I')`,
  constraint: `select ${NAME} as of, concat_ws(' ', c.relname, con.conname, pg_get_constraintdef(con.oid)) as text
    from pg_constraint con join pg_class c on c.oid = con.conrelid where c.relnamespace = ${HERE}`,
  index: `select ${NAME} as of, pg_get_indexdef(i.indexrelid) as text
    from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace = ${HERE}`,
  view: `select ${NAME} as of, c.relname || ' ' || pg_get_viewdef(c.oid) as text from ${RELATIONS} and c.relkind in ('v', 'm')`,
  function: `select p.proname::text as of, pg_get_functiondef(p.oid) as text from pg_proc p where p.pronamespace = ${HERE}`,
  trigger: `select ${NAME} as of, pg_get_triggerdef(t.oid) as text
    from pg_trigger t join pg_class c on c.oid = t.tgrelid where c.relnamespace = ${HERE} and not t.tgisinternal`,
  type: `select t.typname::text as of, concat_ws(' ', t.typname, t.typtype) as text
    from pg_type t where t.typnamespace = ${HERE} and t.typtype in ('e', 'd', 'r')`,
}

/** Everything in the schema `public`, except the table in which migrations record their names. */
export async function readCatalog(sql: Sql): Promise<Entry[]> {
  const results = await sql.transaction(Object.values(KINDS).map((query) => sql.query(query)))
  return Object.keys(KINDS)
    .flatMap((kind, at) => (results[at] as Omit<Entry, 'kind'>[]).map(({ of, text }) => ({ of, kind, text })))
    .filter((entry) => entry.of !== 'schema_migrations')
    .toSorted((a, b) => (`${a.of} ${a.kind} ${a.text}` < `${b.of} ${b.kind} ${b.text}` ? -1 : 1))
}
