import { and, asc, desc, gte, ilike, lt, or, type SQL, sql } from 'drizzle-orm'
import * as z from 'zod'
import { isOnPlan } from '../../db/conditions.ts'
import { selectReadings } from '../../db/meter-readings.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { noCursor, pageEnd } from '../../http/paging.ts'
import { decodePlace, encodePlace } from '../../lib/cursor.ts'
import { containing } from '../../lib/like.ts'
import type { OrganizationQuery, SORTS } from './schemas.ts'
import { selectStatus } from './status.ts'

type Filter = Omit<z.output<typeof OrganizationQuery>, 'limit' | 'cursor' | 'sort'>

const DAY_MS = 86_400_000

/** @param at the time for `idle_days` and `at_limit`, in Unix milliseconds */
export function organizationConditions(filter: Filter, at: number): SQL | undefined {
  const { search, plan, status, at_limit, idle_days, created_from, created_to } = filter
  return and(
    search === undefined ? undefined : mentions(containing(search)),
    plan === undefined ? undefined : isOnPlan(sql`${organizations.planId}`, plan),
    status && sql`${selectStatus} = ${status}`,
    at_limit === undefined ? undefined : sql`${isAtLimit(at)} = ${at_limit}`,
    idle_days === undefined ? undefined : isIdleSince(new Date(at - idle_days * DAY_MS)),
    created_from === undefined ? undefined : gte(organizations.createdAt, new Date(created_from)),
    created_to === undefined ? undefined : lt(organizations.createdAt, new Date(created_to)),
  )
}

const mentions = (pattern: string) =>
  or(
    ilike(organizations.name, pattern),
    ilike(organizations.slug, pattern),
    ilike(organizations.externalId, pattern),
    ilike(organizations.email, pattern),
  )

const READINGS = sql.raw(selectReadings('organizations.id', 'present.period_start'))

/** Whether some meter, as recorded in Postgres for the current period, has reached the organization's limit. */
const isAtLimit = (at: number) => sql`exists (
  select 1 from plans p
  cross join lateral (select plan_limits(p.limits, organizations.limit_additions)->'meters' as meters,
    usage_period_start(organizations.period_anchor, ${new Date(at).toISOString()}::timestamptz) as period_start) present
  cross join lateral (${READINGS}) reading
  where p.id = organizations.plan_id and reading.used >= coalesce(
    (organizations.limit_overrides->>reading.meter)::numeric, (present.meters->reading.meter->>'limit')::numeric))`

const isIdleSince = (moment: Date) => sql`not exists (select 1 from usage_totals t
  where t.organization_id = organizations.id and t.hour >= ${moment.toISOString()}::timestamptz)`

type Sort = (typeof SORTS)[number]

/**
 * The order of the list, the condition for what follows a cursor, and the cursor after a row. Ids sort by creation time.
 *
 * @throws Problem `invalid_request` if it is not a cursor of a list in this order
 */
export function organizationOrder(sort: Sort, cursor: string | undefined) {
  const isDescending = sort.startsWith('-')
  const direction = isDescending ? desc : asc
  const beyond = sql.raw(isDescending ? '<' : '>')
  if (sort.endsWith('created_at')) {
    const id = pageEnd(cursor)
    return {
      orderBy: [direction(organizations.id)],
      after: id === undefined ? undefined : sql`${organizations.id} ${beyond} ${id}::uuid`,
    }
  }
  return {
    orderBy: [direction(organizations.name), direction(organizations.id)],
    after: cursor === undefined ? undefined : isBeyond(beyond, cursor),
    encode: ({ name, id }: { name: string; id: string }) => encodePlace([name, id]),
  }
}

function isBeyond(beyond: SQL, cursor: string): SQL {
  const [name, id] = decodePlace(cursor, 2) ?? []
  if (typeof name !== 'string' || name.includes('\0') || !z.uuid().safeParse(id).success) throw noCursor()
  return sql`(${organizations.name}, ${organizations.id}) ${beyond} (${name}, ${id}::uuid)`
}
