import { and, asc, eq, inArray, isNull, ne, type SQL, sql } from 'drizzle-orm'
import { runBatch } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import { subscriptions } from '../../db/schema/billing.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { plans } from '../../db/schema/plans.ts'
import type { ProviderName } from '../providers/provider.ts'
import type { Context, Decision } from './decide.ts'

export interface KnownSubscription {
  readonly providerSubscriptionId: string
  readonly organizationId: string
  readonly revision: number
}

/** Of these subscriptions of a provider, those that are known here. They are looked up by what the provider calls them. */
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

/** What a provider calls the subscriptions of one of its customers, as far as they are known here. */
export async function listOfCustomer(db: Database, provider: ProviderName, customerId: string): Promise<string[]> {
  const rows = await db
    .select({ id: subscriptions.providerSubscriptionId })
    .from(subscriptions)
    .where(and(eq(subscriptions.provider, provider), eq(subscriptions.providerCustomerId, customerId)))
  return rows.map(({ id }) => id)
}

/**
 * The organizations that customers of a provider pay for, for subscriptions that somebody made in the provider's dashboard.
 * A customer who pays for several is nobody's; an email address says nothing, since whoever pays types it in.
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

/** Subscriptions that are not over, for the reconcile job: of whichever organization. */
export function listLiving(db: Database, provider: ProviderName) {
  const { providerSubscriptionId, organizationId, planId, status } = subscriptions
  return db
    .select({ providerSubscriptionId, organizationId, planId, status })
    .from(subscriptions)
    .where(and(eq(subscriptions.provider, provider), isNull(subscriptions.endedAt)))
}

/** What the decision about some organizations needs, in one round trip. */
export async function readContexts(
  db: Database,
  organizationIds: readonly string[],
): Promise<(organizationId: string | undefined) => Context> {
  const ids = [...new Set(organizationIds)]
  const found = await runBatch(db, {
    organizations: db
      .select({ id: organizations.id, planId: organizations.planId })
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
        polarProductId: plans.polarProductId,
        stripePriceId: plans.stripePriceId,
        pricePerMonthCents: plans.pricePerMonthCents,
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
 * Whether an organization is still as it was when it was read: the same plan, and no subscription written since. Asked
 * under the organization's lock, so that of two who fetched a state the one who fetched it first never writes last.
 */
export function isStill({ organization, rows }: Context): SQL {
  const seen = rows.map(({ id, revision }) => `${id}:${revision}`).join(' ')
  return sql`exists (select 1 from organizations o where o.id = ${organization?.id ?? null}::uuid and o.plan_id = ${organization?.planId ?? null}
    and ${seen} = (select coalesce(string_agg(s.id || ':' || s.revision, ' ' order by s.id), '')
      from subscriptions s where s.organization_id = o.id))`
}

/** The first of three statements that say which one decides; before the others, as there is never more than one. */
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

/** Puts an organization on a plan, or lets its usage periods begin at another time. The statement returns its new version. */
export function updateOrganization(
  db: Database,
  organizationId: string,
  { planId, periodAnchor }: { readonly planId: string | undefined; readonly periodAnchor: Date | undefined },
) {
  return db
    .update(organizations)
    .set({
      ...(planId !== undefined && { planId }),
      ...(periodAnchor && { periodAnchor }),
      version: sql`${organizations.version} + 1`,
    })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })
}
