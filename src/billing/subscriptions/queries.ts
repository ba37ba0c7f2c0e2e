import { and, asc, eq, inArray, isNull, ne, type SQL, sql } from 'drizzle-orm'
import { runBatch } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import { subscriptions } from '../../db/schema/billing.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { plans } from '../../db/schema/plans.ts'
import type { ProviderName } from '../providers/provider.ts'
import type { Booking, Context, Decision } from './decide.ts'

export interface KnownSubscription {
  readonly providerSubscriptionId: string
  readonly organizationId: string
  readonly revision: number
}

/** The known ones among these subscriptions of a provider, looked up by the provider's ids. */
export function listKnown(
  db: Database,
  provider: ProviderName,
  providerSubscriptionIds: readonly string[],
): Promise<KnownSubscription[]> {
  const { providerSubscriptionId, organizationId, revision } = subscriptions
  return db
    .select({ providerSubscriptionId, organizationId, revision })
    .from(subscriptions)
    .where(and(eq(subscriptions.provider, provider), inArray(providerSubscriptionId, [...providerSubscriptionIds])))
}

/** The provider's ids of the known subscriptions of one of its customers. */
export async function listOfCustomer(db: Database, provider: ProviderName, customerId: string): Promise<string[]> {
  const rows = await db
    .select({ id: subscriptions.providerSubscriptionId })
    .from(subscriptions)
    .where(and(eq(subscriptions.provider, provider), eq(subscriptions.providerCustomerId, customerId)))
  return rows.map(({ id }) => id)
}

/**
 * The organizations that customers of a provider pay for, used for subscriptions that were created in the provider's
 * dashboard. A customer who pays for several organizations is not assigned to any. An email address proves nothing,
 * because the payer enters it.
 */
export async function findPayersOrganizations(
  db: Database,
  provider: ProviderName,
  customerIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { providerCustomerId, organizationId } = subscriptions
  const rows = await db
    .selectDistinct({ customerId: providerCustomerId, organizationId })
    .from(subscriptions)
    .where(and(eq(subscriptions.provider, provider), inArray(providerCustomerId, [...new Set(customerIds)])))
  const byCustomer = Map.groupBy(rows, ({ customerId }) => customerId)
  return new Map(
    [...byCustomer].flatMap(([customerId, found]) =>
      found.length === 1 && found[0] ? [[customerId, found[0].organizationId] as const] : [],
    ),
  )
}

/** Live subscriptions of all organizations, for the reconcile job. */
export function listLiving(db: Database, provider: ProviderName) {
  const { providerSubscriptionId, organizationId, planId, status } = subscriptions
  return db
    .select({ providerSubscriptionId, organizationId, planId, status })
    .from(subscriptions)
    .where(and(eq(subscriptions.provider, provider), isNull(subscriptions.endedAt)))
}

/**
 * Whether the current period of a subscription began with another interval, as the audit log has it. It is the last change
 * of the period that says so.
 */
export async function beganWithInterval(
  db: Database,
  { id, organizationId, currentPeriodStart }: Pick<Decision['row'], 'id' | 'organizationId' | 'currentPeriodStart'>,
): Promise<boolean> {
  const { rows } = await db.execute<{ is_interval: boolean }>(sql`
    select detail->'changed' ? 'interval' as is_interval from audit_logs
    where organization_id = ${organizationId}::uuid and target_id = ${id} and action = 'billing.subscription_changed' and detail->'changed' ? 'currentPeriodStart'
      and created_at >= ${currentPeriodStart?.toISOString() ?? null}::timestamptz - interval '1 hour'
    order by created_at desc, id desc limit 1`)
  return rows[0]?.is_interval === true
}

/** Everything that the decision about some organizations needs, in one round trip. */
export async function readContexts(
  db: Database,
  organizationIds: readonly string[],
): Promise<(organizationId: string | undefined) => Context> {
  const ids = [...new Set(organizationIds)]
  const found = await runBatch(db, {
    organizations: db
      .select({
        id: organizations.id,
        planId: organizations.planId,
        seats: organizations.seats,
        limitAdditions: organizations.limitAdditions,
      })
      .from(organizations)
      .where(inArray(organizations.id, ids)),
    subscriptions: db
      .select()
      .from(subscriptions)
      .where(inArray(subscriptions.organizationId, ids))
      .orderBy(asc(subscriptions.id)),
    plans: db
      .select({
        id: plans.id,
        prices: plans.prices,
        seats: plans.seats,
        addons: plans.addons,
        replacedAt: plans.replacedAt,
      })
      .from(plans)
      .orderBy(asc(plans.sortOrder), asc(plans.id)),
  })
  const byId = new Map(found.organizations.map((organization) => [organization.id, organization]))
  const rowsById = Map.groupBy(found.subscriptions, ({ organizationId }) => organizationId)
  return (organizationId = '') => ({
    organization: byId.get(organizationId),
    rows: rowsById.get(organizationId) ?? [],
    plans: found.plans,
  })
}

/**
 * Whether an organization is unchanged since it was read: the same plan, and no subscription written since. Checked
 * under the organization's lock, so that of two concurrent fetches the older state is never written last.
 */
export function isStill({ organization, rows }: Context): SQL {
  const seen = rows.map(({ id, revision }) => `${id}:${revision}`).join(' ')
  return sql`exists (select 1 from organizations o where o.id = ${organization?.id ?? null}::uuid and o.plan_id = ${organization?.planId ?? null}
    and ${seen} = (select coalesce(string_agg(s.id || ':' || s.revision, ' ' order by s.id), '')
      from subscriptions s where s.organization_id = o.id))`
}

/**
 * The first of three statements that set the deciding subscription. It runs before the others, because there is never
 * more than one.
 */
export function unsetCurrent(db: Database, organizationId: string, currentId: string | undefined) {
  return db
    .update(subscriptions)
    .set({ isCurrent: false, revision: sql`${subscriptions.revision} + 1` })
    .where(
      and(
        eq(subscriptions.organizationId, organizationId),
        subscriptions.isCurrent,
        currentId === undefined ? undefined : ne(subscriptions.id, currentId),
      ),
    )
}

export function upsertSubscription(db: Database, row: Decision['row'], at: Date) {
  const { id: _, createdAt: _created, organizationId: _organization, ...values } = row
  return db
    .insert(subscriptions)
    .values({ ...row, updatedAt: at })
    .onConflictDoUpdate({
      target: [subscriptions.provider, subscriptions.providerSubscriptionId],
      set: { ...values, updatedAt: at, revision: sql`${subscriptions.revision} + 1` },
    })
}

export function setCurrent(db: Database, organizationId: string, id: string) {
  return db
    .update(subscriptions)
    .set({ isCurrent: true, revision: sql`${subscriptions.revision} + 1` })
    .where(
      and(
        eq(subscriptions.organizationId, organizationId),
        eq(subscriptions.id, id),
        sql`not ${subscriptions.isCurrent}`,
      ),
    )
}

interface OrganizationChange {
  readonly planId: string | undefined
  readonly booking: Booking | undefined
  readonly periodAnchor: Date | undefined
}

/**
 * Moves an organization to a plan, gives it seats and add-ons, or changes the start of its usage periods. The statement
 * returns its new version.
 */
export function updateOrganization(
  db: Database,
  organizationId: string,
  { planId, booking, periodAnchor }: OrganizationChange,
) {
  return db
    .update(organizations)
    .set({
      ...(planId !== undefined && { planId }),
      ...booking,
      ...(periodAnchor && { periodAnchor }),
      version: sql`${organizations.version} + 1`,
    })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })
}
