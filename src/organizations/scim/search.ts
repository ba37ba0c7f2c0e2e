import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { parseFilter } from './filter.ts'
import { type Columns, toCondition } from './filter-sql.ts'
import type { Found, Search } from './resource.ts'

/** Where a kind of resource is kept. */
export interface Source {
  /** What a filter may name. */
  readonly columns: Columns
  /** What is selected of each. */
  readonly select: SQL
  /** From where; the condition is about the organization. */
  readonly from: (organizationId: string) => SQL
  /** The oldest first. */
  readonly order: SQL
}

interface Asked<Row> {
  readonly organizationId: string
  readonly search: Search
  /** What an answer shows of a row. */
  readonly show: (row: Row) => Record<string, unknown>
}

/** One page of an organization's resources that satisfy a filter, and how many there are. @throws ScimError `invalidFilter` */
export async function searchIn<Row extends Record<string, unknown>>(
  db: Database,
  { columns, select, from, order }: Source,
  { organizationId, search: { filter, startIndex, count }, show }: Asked<Row>,
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
