import { and, eq, gte, lt, or, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { auditLogs } from '../../db/schema/audit.ts'
import { apiKeys } from '../../db/schema/keys.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { webhookDeliveries } from '../../db/schema/webhooks.ts'
import type { Deps } from '../../deps.ts'
import { stateAt } from '../../keys/state.ts'
import { firstIdAt, readTime } from '../../lib/id-time.ts'
import type { VerdictTrace } from '../../metering/event.ts'
import { type EventRow, selectColumns } from '../../usage/analytics/events.ts'
import { readRows } from '../../usage/analytics/read.ts'
import { equals } from '../filter.ts'
import type { TimeRange } from './rules.ts'

const iso = (time: number) => new Date(time).toISOString()

/** A stored event, with the trace that is stored for inspecting it. */
export interface TracedEvent extends EventRow {
  readonly organization_id: string
  readonly trace: (Partial<VerdictTrace> & { readonly completes?: string }) | null
}

/** More than a request usually has: a long task may report many. */
const MAX_EVENTS = 100

const COLUMNS = `organization_id, trace, ${selectColumns(true)}`

/**
 * The events that are stored under a request's id, or under an alias of it: requests with an idempotency key and merged
 * refusals have aliases. The events are located only by time: it prunes the other months, and within a month the BRIN
 * index skips all but some megabytes. Only an id that contains its time can be an alias.
 */
const FIND = `
with direct as (
  select organization_id, occurred_at, id from usage_events
  where occurred_at >= $2::timestamptz and occurred_at < $3::timestamptz and ($4::uuid is null or organization_id = $4)
    and (id = $1 or $5::boolean and (trace ->> 'request' = $1 or (trace -> 'also')::jsonb ? $1))
), repeated as (
  select r.organization_id, d.occurred_at, r.event_id as id from usage_request_ids r
  join usage_dedupe d on d.organization_id = r.organization_id and d.key = sha256(convert_to('verification ' || r.event_id, 'UTF8'))
  where r.created_at >= $2::timestamptz and r.created_at < $3::timestamptz + interval '1 hour' and r.request_id = $1
    and ($4::uuid is null or r.organization_id = $4) and d.occurred_at is not null
)
select ${COLUMNS} from usage_events join (select * from direct union select * from repeated) as named
  using (organization_id, occurred_at, id)
order by (trace ->> 'versions' is null), occurred_at, id limit ${MAX_EVENTS}`

/** Where to search for a request: in a time range, and in one organization or in all. */
interface Place {
  readonly requestId: string
  readonly where: TimeRange
  readonly organizationId: string | undefined
}

export function findEvents({ sql }: Deps, { requestId, where, organizationId }: Place): Promise<TracedEvent[]> {
  const { from, to } = where
  return readRows<TracedEvent>(
    sql,
    sql.query(FIND, [requestId, iso(from), iso(to), organizationId ?? null, readTime(requestId) !== undefined]),
  )
}

/** A report's time may be a little before its request's. Reports after this range are not searched. */
const RELATED = `
select ${COLUMNS} from usage_events
where organization_id = $1 and occurred_at >= $2::timestamptz - interval '5 minutes' and occurred_at < $2::timestamptz + interval '1 hour'
  and $3::jsonb ?| array[id, trace ->> 'completes']
order by occurred_at, id limit ${MAX_EVENTS}`

/** @param names every id of the request, including aliases */
export function listRelatedEvents({ sql }: Deps, event: TracedEvent, names: readonly string[]): Promise<TracedEvent[]> {
  return readRows<TracedEvent>(
    sql,
    sql.query(RELATED, [event.organization_id, event.occurred_at, JSON.stringify(names)]),
  )
}

/** Finds the current state of a key and its organization. */
export async function findKeyNow(db: Database, organizationId: string, keyId: string | null, at: Date) {
  const [row] = await db
    .select({
      organization: {
        id: organizations.id,
        name: organizations.name,
        planId: organizations.planId,
        suspendedAt: organizations.suspendedAt,
        version: organizations.version,
      },
      key: {
        id: apiKeys.id,
        name: apiKeys.name,
        keyHint: apiKeys.keyHint,
        status: stateAt(at),
        scopes: apiKeys.scopes,
        allowedIps: apiKeys.allowedIps,
        expiresAt: apiKeys.expiresAt,
        revokedAt: apiKeys.revokedAt,
        version: apiKeys.version,
      },
    })
    .from(organizations)
    .leftJoin(
      apiKeys,
      and(eq(apiKeys.organizationId, organizations.id), keyId === null ? sql`false` : eq(apiKeys.id, keyId)),
    )
    .where(eq(organizations.id, organizationId))
  return row
}

/** The clocks of isolates and Postgres differ by less. */
const MAX_DIFFERENCE_MS = 3_600_000

/** A request's audit rows. Found by row id, which starts with the time; the condition on the time prunes other months. */
export function listAuditRows(db: Database, { requestId, where: { from, to }, organizationId }: Place) {
  const { id, organizationId: owner, createdAt } = auditLogs
  const isWithin = and(
    gte(id, firstIdAt(from)),
    lt(id, firstIdAt(to)),
    gte(createdAt, new Date(from - MAX_DIFFERENCE_MS)),
    lt(createdAt, new Date(to + MAX_DIFFERENCE_MS)),
  )
  return db
    .select()
    .from(auditLogs)
    .where(and(isWithin, eq(auditLogs.requestId, requestId), equals(owner, organizationId)))
    .orderBy(id)
    .limit(MAX_EVENTS)
}

/** Webhook deliveries that a request caused. The operator's endpoints receive events of any organization. */
export function listDeliveries(db: Database, { requestId, where: { from, to }, organizationId }: Place) {
  const {
    id,
    organizationId: owner,
    endpointId,
    eventId,
    type,
    state,
    attempts,
    lastStatusCode,
    createdAt,
    payload,
  } = webhookDeliveries
  const isAbout = organizationId
    ? or(eq(owner, organizationId), sql`${payload} #>> '{data,organization,id}' = ${organizationId}`)
    : undefined
  return db
    .select({ id, organizationId: owner, endpointId, eventId, type, state, attempts, lastStatusCode, createdAt })
    .from(webhookDeliveries)
    .where(
      and(
        gte(createdAt, new Date(from)),
        lt(createdAt, new Date(to)),
        eq(webhookDeliveries.requestId, requestId),
        isAbout,
      ),
    )
    .orderBy(id)
    .limit(MAX_EVENTS)
}
