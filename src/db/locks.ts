/**
 * The locks of the management API, in the order in which a batch takes them:
 *
 * 0. payment, 1. plan, meters by slug, 2. organizations by id, 3. membership, 4. user, 5. API key or webhook endpoint,
 *    6. deliveries of the endpoint, 7. portal session, 8. usage event.
 *
 * Some statements lock rows themselves, in the same order: the organizations of a changed plan (admin/plans/queries.ts) and,
 * for events, the endpoints that receive them (events/publish.ts, events/state.ts, webhooks/queries.ts).
 *
 * A batch may skip steps but never goes back, so no two batches wait for each other in a cycle. Remaining deadlocks
 * (foreign keys lock rows as well) are retried in db/client.ts.
 *
 * `NO KEY UPDATE` is the default: it allows inserts and deletes of rows that refer to the locked one, so a sign-in
 * never waits for a change of its organization. `FOR UPDATE` is for a row that is about to be deleted. Jobs that claim
 * rows use `SKIP LOCKED` and never wait.
 */
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { isOnPlan } from './conditions.ts'
import type { Database } from './orm.ts'
import { meters } from './schema/custom-meters.ts'
import { apiKeys } from './schema/keys.ts'
import { memberships, organizations } from './schema/organizations.ts'
import { plans } from './schema/plans.ts'
import { portalSessions } from './schema/portal.ts'
import { users } from './schema/users.ts'
import { webhookEndpoints } from './schema/webhooks.ts'

interface PaymentRef {
  readonly provider: string
  readonly paymentId: string
}

/**
 * Serializes writes of one payment: if a reversal and its payment arrive at the same time, one of them sees the other.
 * Taken before all row locks.
 */
export const lockPayment = (db: Database, { provider, paymentId }: PaymentRef) =>
  db.execute(sql`select pg_advisory_xact_lock(hashtext(${`payment ${provider} ${paymentId}`}))`)

/** Locks all versions of a plan, in id order. */
export const lockVersions = (db: Database, family: string) =>
  db.execute(sql`select id from plans where ${isOnPlan(sql`id`, family)} order by id for no key update`)

/**
 * Locks a plan against changes, deletion, and organizations that move to it, so that none is missed between a change
 * and the raising of versions. New organizations may start on the plan meanwhile, because no isolate has cached them
 * yet.
 */
export function lockPlan(db: Database, planId: string) {
  return db.select({ id: plans.id }).from(plans).where(eq(plans.id, planId)).for('no key update')
}

/** Locks meters against deletion, in the order of their slugs. */
export function lockMeters(db: Database, slugs: readonly string[]) {
  return db.execute(sql`select slug from meters
    where slug = any(array(select jsonb_array_elements_text(${JSON.stringify(slugs)}::jsonb))) order by slug for key share`)
}

/** Locks a meter that is about to be deleted. It waits for batches that put the meter into a plan or into limits. */
export function lockLeavingMeter(db: Database, slug: string) {
  return db.select({ slug: meters.slug }).from(meters).where(eq(meters.slug, slug)).for('update')
}

/**
 * Locks an organization for every batch that changes it, its members, or the number of its keys or endpoints. Such
 * batches run one after the other, and each sees the changes of the earlier ones.
 */
export function lockOrganization(db: Database, organizationId: string) {
  return db
    .select({ id: organizations.id })
    .from(organizations)
    .where(eq(organizations.id, organizationId))
    .for('no key update')
}

/** Locks several organizations, in id order. @param organizations a query of their ids */
export function lockOrganizations(db: Database, organizations: SQL) {
  return db.execute(sql`select id from organizations where id in (${organizations}) order by id for no key update`)
}

/** Locks all organizations of a user, in id order, so that two such batches cannot deadlock. */
export function lockOwnOrganizations(db: Database, userId: string) {
  return db.execute(sql`
    select id from organizations where id in (select organization_id from memberships where user_id = ${userId}::uuid)
    order by id for no key update`)
}

/**
 * Like {@link lockOwnOrganizations}, and also the platform organization, so that administrators are disabled one after
 * the other.
 */
export function lockOrganizationsAround(db: Database, userId: string) {
  return db.execute(sql`
    select id from organizations
    where is_platform or id in (select organization_id from memberships where user_id = ${userId}::uuid)
    order by id for no key update`)
}

/** Locks a membership, so that a session cannot switch to an organization that its user is just leaving. */
export function lockMembership(db: Database, organizationId: string, userId: string) {
  return db
    .select({ role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.organizationId, organizationId), eq(memberships.userId, userId)))
    .for('key share')
}

/**
 * Locks a user for every batch that opens or ends sessions, or creates or uses tokens. Concurrent batches leave one
 * token.
 */
export function lockUser(db: Database, userId: string) {
  return db.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update')
}

/** Locks a user and whoever has an address, in id order. */
export function lockUserAndHolder(db: Database, userId: string, email: string) {
  return db.execute(sql`
    select id from users where id = ${userId}::uuid or email = ${email} order by id for no key update`)
}

/** Locks a user who is about to be deleted. It waits for a sign-in under way, and the next sign-in finds no user. */
export function lockLeavingUser(db: Database, userId: string) {
  return db.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update')
}

/** A row of an organization, by both ids, so that another organization's id finds nothing. */
interface OwnedRow {
  readonly organizationId: string
  readonly id: string
}

export function lockKey(db: Database, { organizationId, id }: OwnedRow) {
  const isOne = and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId))
  return db.select({ id: apiKeys.id }).from(apiKeys).where(isOne).for('update')
}

export function lockEndpoint(db: Database, { organizationId, id }: OwnedRow) {
  const isOne = and(eq(webhookEndpoints.id, id), eq(webhookEndpoints.organizationId, organizationId))
  return db.select({ id: webhookEndpoints.id }).from(webhookEndpoints).where(isOne).for('update')
}

/** The same lock as part of a statement. */
export const selectEndpointLocked = (endpointId: string) =>
  sql`select id from webhook_endpoints where id = ${endpointId}::uuid for update`

/** Locks a portal session, so that only the first of concurrent redemptions succeeds. */
export function lockPortalSession(db: Database, { organizationId, id }: OwnedRow) {
  const isOne = and(eq(portalSessions.id, id), eq(portalSessions.organizationId, organizationId))
  return db.select({ id: portalSessions.id }).from(portalSessions).where(isOne).for('update')
}

/** Locks the deliveries that match a condition, by endpoint and id, as part of a statement. Lock their endpoints first. */
export const selectDeliveriesLocked = (condition: SQL) =>
  sql`select id from webhook_deliveries where ${condition} order by endpoint_id, id for no key update`

interface UsageEventRow extends OwnedRow {
  /** ISO 8601 with microseconds. */
  readonly occurredAt: string
}

/** Locks a usage event, so that the second of two concurrent corrections starts from the result of the first. */
export function lockUsageEvent(db: Database, { organizationId, occurredAt, id }: UsageEventRow) {
  return db.execute(sql`
    select 1 from usage_events
    where organization_id = ${organizationId}::uuid and occurred_at = ${occurredAt}::timestamptz and id = ${id} for no key update`)
}
