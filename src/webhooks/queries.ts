import { and, desc, eq, getTableColumns, isNotNull, lt, type SQL, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import type { AuditRow } from '../audit/record.ts'
import { requireThat, runBatch, type Statement, tryBatch } from '../db/batch.ts'
import { lockEndpoint, lockOrganization } from '../db/locks.ts'
import type { Database } from '../db/orm.ts'
import { bytesParameter } from '../db/schema/columns.ts'
import { webhookDeliveries, webhookEndpoints } from '../db/schema/webhooks.ts'
import { selectOrganization } from '../events/payload.ts'
import { type PageRequest } from '../http/paging.ts'

const MAX_ENDPOINTS = 10

const {
  secret: _secret,
  previousSecret: _previous,
  triedAt: _tried,
  busyUntil: _busy,
  pausedUntil: _paused,
  isOperator: _operator,
  ...viewColumns
} = getTableColumns(webhookEndpoints)
const {
  organizationId: _owner,
  endpointId: _endpoint,
  stateOf: _state,
  requestId: _request,
  ...deliveryColumns
} = getTableColumns(webhookDeliveries)

type Payload = Record<string, unknown>
export type EndpointView = Awaited<ReturnType<typeof listEndpoints>>[number]
export type DeliveryView = Awaited<ReturnType<typeof listDeliveries>>[number] & { readonly payload: Payload }

/** The owner of endpoints: an organization, or the operator, whose endpoints belong to the platform organization. */
export interface EndpointOwner {
  readonly organizationId: string
  readonly isOperator: boolean
}

/** One of an owner's endpoints. Another owner's endpoint does not match. */
export interface EndpointRef extends EndpointOwner {
  readonly id: string
}

const isOwned = ({ organizationId, isOperator }: EndpointOwner) =>
  and(eq(webhookEndpoints.organizationId, organizationId), eq(webhookEndpoints.isOperator, isOperator))

const isOne = (endpoint: EndpointRef) => and(eq(webhookEndpoints.id, endpoint.id), isOwned(endpoint))

/** Whether the endpoint exists, as a condition of an audit row. */
const isEndpoint = ({ organizationId, isOperator, id }: EndpointRef) => sql`exists (
  select 1 from webhook_endpoints where id = ${id}::uuid and organization_id = ${organizationId}::uuid
    and is_operator = ${isOperator}::boolean)`

/** Selects one page of an owner's endpoints, newest first, plus one row if there is another page. */
export function listEndpoints(db: Database, owner: EndpointOwner, { limit, after }: PageRequest) {
  return db
    .select(viewColumns)
    .from(webhookEndpoints)
    .where(and(isOwned(owner), after ? lt(webhookEndpoints.id, after) : undefined))
    .orderBy(desc(webhookEndpoints.id))
    .limit(limit + 1)
}

export async function findEndpoint(db: Database, endpoint: EndpointRef): Promise<EndpointView | undefined> {
  const [row] = await db.select(viewColumns).from(webhookEndpoints).where(isOne(endpoint))
  return row
}

export interface NewEndpointRow extends EndpointRef {
  readonly url: string
  readonly description: string | null
  readonly events: readonly string[]
  /** Encrypted. */
  readonly secret: Uint8Array
  readonly at: Date
}

/**
 * Inserts an endpoint unless its owner has reached the limit. The owner's row is locked first, so that concurrent inserts
 * are counted one after the other.
 *
 * @param effects steps of the same batch, such as its audit row
 * @returns whether there was room
 */
export async function insertEndpoint(
  db: Database,
  endpoint: NewEndpointRow,
  effects: readonly Statement[],
): Promise<boolean> {
  const { id, organizationId, isOperator, url, description, events, secret } = endpoint
  const at = sql`${endpoint.at.toISOString()}::timestamptz`
  const done = await tryBatch(db, {
    lock: lockOrganization(db, organizationId),
    endpoint: db.execute(sql`
      insert into webhook_endpoints (id, organization_id, is_operator, url, description, events, secret, created_at, updated_at)
      select ${id}::uuid, ${organizationId}::uuid, ${isOperator}::boolean, ${url}, ${description}, ${asArray(events)}, ${bytesParameter(secret)},
        ${at}, ${at}
      where (select count(*) from webhook_endpoints where organization_id = ${organizationId}::uuid
        and is_operator = ${isOperator}::boolean) < ${MAX_ENDPOINTS}::int`),
    room: requireThat(db, isEndpoint(endpoint)),
    effects,
  })
  return done !== undefined
}

/** A text array as one parameter: a JSON array that Postgres expands. */
const asArray = (values: readonly string[]) =>
  sql`array(select jsonb_array_elements_text(${JSON.stringify(values)}::jsonb))`

export interface EndpointChanges {
  readonly url?: string
  readonly description?: string | null
  readonly events?: string[]
  readonly isActive?: boolean
  readonly disabledReason?: null
  readonly failedEvents?: 0
}

/**
 * Changes an endpoint. Disabling it gives up its waiting deliveries. Another address, or enabling it, ends its pause: what
 * waits for the end of the pause is due at once.
 *
 * @returns the changed endpoint
 * @throws Problem `webhook_endpoint_not_found`
 */
export async function updateEndpoint(
  db: Database,
  endpoint: EndpointRef,
  changes: EndpointChanges,
  { row, at }: { readonly row: AuditRow; readonly at: Date },
) {
  const ofEndpoint = eq(webhookDeliveries.endpointId, endpoint.id)
  const endsPause = sql`(${changes.isActive !== undefined}::boolean or ${webhookEndpoints.url} <> ${changes.url ?? null}::text)`
  const endedPause = sql`(select ${webhookEndpoints.pausedUntil} from ${webhookEndpoints} where ${isOne(endpoint)} and ${endsPause})`
  const done = await runBatch(db, {
    lock: lockEndpoint(db, endpoint),
    found: requireEndpoint(db, endpoint),
    audit: row,
    deliveries: db
      .update(webhookDeliveries)
      .set({ state: 'failed', nextAttemptAt: null, lastError: 'The endpoint was disabled.' })
      .where(and(ofEndpoint, isNotNull(webhookDeliveries.nextAttemptAt), sql`${changes.isActive === false}::boolean`)),
    waiting: db
      .update(webhookDeliveries)
      .set({ nextAttemptAt: at })
      .where(and(ofEndpoint, eq(webhookDeliveries.nextAttemptAt, endedPause))),
    endpoint: db
      .update(webhookEndpoints)
      .set({ ...changes, pausedUntil: sql`case when ${endsPause} then null else ${webhookEndpoints.pausedUntil} end` })
      .where(isOne(endpoint))
      .returning(viewColumns),
  })
  return done.endpoint[0] as EndpointView
}

const requireEndpoint = (db: Database, endpoint: EndpointRef) =>
  requireThat(db, isEndpoint(endpoint), 'webhook_endpoint_not_found')

/**
 * @param secret the new secret, encrypted; the current one stays valid as the previous one for a while
 * @throws Problem `webhook_endpoint_not_found`
 */
export async function replaceSecret(
  db: Database,
  endpoint: EndpointRef,
  {
    secret,
    previousUntil,
    updatedAt,
  }: { readonly secret: Uint8Array; readonly previousUntil: Date; readonly updatedAt: Date },
  { row, kept }: { readonly row: AuditRow; readonly kept: readonly Statement[] },
) {
  const done = await runBatch(db, {
    lock: lockEndpoint(db, endpoint),
    found: requireEndpoint(db, endpoint),
    audit: row,
    endpoint: db
      .update(webhookEndpoints)
      .set({ secret, previousSecret: sql`${webhookEndpoints.secret}`, previousSecretUntil: previousUntil, updatedAt })
      .where(isOne(endpoint))
      .returning(viewColumns),
    answer: kept,
  })
  return done.endpoint[0] as EndpointView
}

/** @throws Problem `webhook_endpoint_not_found` */
export async function deleteEndpoint(db: Database, endpoint: EndpointRef, row: AuditRow): Promise<void> {
  await runBatch(db, {
    lock: lockEndpoint(db, endpoint),
    found: requireEndpoint(db, endpoint),
    audit: row,
    endpoint: db.delete(webhookEndpoints).where(isOne(endpoint)),
  })
}

const ofEndpoint = ({ organizationId, id }: EndpointRef) =>
  and(eq(webhookDeliveries.endpointId, id), eq(webhookDeliveries.organizationId, organizationId))

/** Selects one page of an endpoint's deliveries, newest first, plus one row if there is another page. */
export function listDeliveries(db: Database, endpoint: EndpointRef, { limit, after }: PageRequest) {
  return db
    .select({ ...deliveryColumns, payload: sql<Payload>`${webhookDeliveries.payload}` })
    .from(webhookDeliveries)
    .where(and(ofEndpoint(endpoint), after ? lt(webhookDeliveries.id, after) : undefined))
    .orderBy(desc(webhookDeliveries.id))
    .limit(limit + 1)
}

export async function findDelivery(db: Database, endpoint: EndpointRef, id: string): Promise<DeliveryView | undefined> {
  const [row] = await db
    .select({ ...deliveryColumns, payload: sql<Payload>`${webhookDeliveries.payload}` })
    .from(webhookDeliveries)
    .where(and(ofEndpoint(endpoint), eq(webhookDeliveries.id, id)))
  return row
}

/** When a delivery to an endpoint is due: now, or after the endpoint's pause. */
export async function findDueTime(db: Database, one: EndpointRef, at: Date): Promise<Date> {
  const [row] = await db.select({ pausedUntil: webhookEndpoints.pausedUntil }).from(webhookEndpoints).where(isOne(one))
  return row?.pausedUntil && row.pausedUntil > at ? row.pausedUntil : at
}

/** The data of a test event to an endpoint, and when it is due. Empty if there is no such endpoint. */
export async function findTestTarget(db: Database, one: EndpointRef, at: Date) {
  const nextAttemptAt = await findDueTime(db, one, at)
  const { rows } = await db.execute<{ organization: Payload | null }>(
    sql`select ${selectOrganization(one.organizationId)} as organization`,
  )
  return { organization: rows[0]?.organization ?? null, nextAttemptAt }
}

/** The statement that creates the delivery of a test event, unless the endpoint is disabled. */
export function insertTestDelivery(
  db: Database,
  { organizationId, id }: EndpointRef,
  event: DeliveryView,
  requestId: string,
) {
  const at = sql`${event.createdAt.toISOString()}::timestamptz`
  return db.execute(sql`
    insert into webhook_deliveries (id, organization_id, endpoint_id, event_id, type, payload, next_attempt_at, created_at, request_id)
    select ${event.id}::uuid, organization_id, id, ${event.eventId}, ${event.type}, ${JSON.stringify(event.payload)}::jsonb,
      greatest(${at}, paused_until), ${at}, ${requestId}
    from webhook_endpoints where id = ${id}::uuid and organization_id = ${organizationId}::uuid and is_active
    for key share`)
}

/** Whether a delivery to an endpoint is waiting. */
export const isWaiting = ({ organizationId, id }: EndpointRef, deliveryId: SQL) => sql`exists (
  select 1 from webhook_deliveries where id = any(${deliveryId}) and endpoint_id = ${id}::uuid
    and organization_id = ${organizationId}::uuid and next_attempt_at is not null)`

/**
 * Makes a delivery due again, starting with the first attempt, if its endpoint is enabled. If the endpoint asked for a pause,
 * the delivery is due after it.
 *
 * @returns whether it is due now
 */
export async function restartDelivery(
  db: Database,
  endpoint: EndpointRef,
  { id, at }: { readonly id: string; readonly at: Date },
  { audit, answer }: { readonly audit: AuditRow; readonly answer: BatchItem<'pg'>[] },
): Promise<boolean> {
  const active = sql`exists (select 1 from webhook_endpoints e where e.id = ${endpoint.id}::uuid and e.is_active)`
  const one = and(ofEndpoint(endpoint), eq(webhookDeliveries.id, id), active)
  const notBefore = sql`greatest(${at.toISOString()}::timestamptz,
    (select paused_until from webhook_endpoints where id = ${endpoint.id}::uuid))`
  const done = await tryBatch(db, {
    lock: lockEndpoint(db, endpoint),
    delivery: db
      .update(webhookDeliveries)
      .set({
        state: 'pending',
        attempts: 0,
        nextAttemptAt: notBefore,
        deliveredAt: null,
        lastError: null,
        stateOf: null,
      })
      .where(one),
    due: requireThat(db, isWaiting(endpoint, sql`array[${id}::uuid]`)),
    audit,
    answer,
  })
  return done !== undefined
}

/** The organization that the operator's endpoints belong to. */
export async function findOperator(db: Database): Promise<EndpointOwner> {
  const { rows } = await db.execute<{ id: string }>(sql`select id from organizations where is_platform`)
  if (!rows[0]) throw new Error('There is no platform organization: run the seed')
  return { organizationId: rows[0].id, isOperator: true }
}
