import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { parseFilter } from './filter.ts'
import { type Columns, toCondition } from './filter-sql.ts'
import type { Found, Search } from './resource.ts'

/** Where a resource type is stored. */
export interface Source {
  /** The attributes that a filter may use. */
  readonly columns: Columns
  /** The selected columns. */
  readonly select: SQL
  /** The `from` and `where` clauses, restricted to the organization. */
  readonly from: (organizationId: string) => SQL
  /** Oldest first. */
  readonly order: SQL
}

interface SearchQuery<Row> {
  readonly organizationId: string
  readonly search: Search
  /** Serializes a row. */
  readonly show: (row: Row) => Record<string, unknown>
}

/** Selects one page of an organization's resources that match a filter, and counts them all. @throws ScimError `invalidFilter` */
export async function searchIn<Row extends Record<string, unknown>>(
  db: Database,
  { columns, select, from, order }: Source,
  { organizationId, search: { filter, startIndex, count }, show }: SearchQuery<Row>,
): Promise<Found> {
  const condition = filter === undefined ? sql`true` : toCondition(parseFilter(filter), columns)
  const found = sql`${from(organizationId)} and ${condition}`
  const [counted, { rows }] = await Promise.all([
    db.execute<{ total: number }>(sql`select count(*)::int as total ${found}`),
    db.execute<Row>(
      sql`select ${select} ${found} order by ${order} limit ${count}::int offset ${startIndex - 1}::bigint`,
    ),
  ])
  return { total: counted.rows[0]?.total ?? 0, resources: rows.map(show) }
}
