import { and, count, desc, eq, sql } from 'drizzle-orm'
import { runBatch } from '../db/batch.ts'
import type { Database } from '../db/orm.ts'
import { overageTerms } from '../db/overage-terms.ts'
import { subscriptions } from '../db/schema/billing.ts'
import { memberships, organizations } from '../db/schema/organizations.ts'
import { plans } from '../db/schema/plans.ts'
import type { OverageTier } from '../db/schema/shapes.ts'
import { users } from '../db/schema/users.ts'
import { Problem } from '../problems.ts'

const MAX_SUBSCRIPTIONS = 50

export type Account = Awaited<ReturnType<typeof getAccount>>
export type OfferedPlan = Account['plans'][number]
export type Subscription = Account['subscriptions'][number]

/**
 * Billing's view of an organization: itself, its subscriptions, newest first, how many members it has, and all plans in
 * all versions.
 *
 * @throws Problem `organization_not_found`
 */
export async function getAccount(db: Database, organizationId: string) {
  const { id, name, planId, isPlatform } = organizations
  const found = await runBatch(db, {
    organizations: db.select({ id, name, planId, isPlatform }).from(organizations).where(eq(id, organizationId)),
    subscriptions: db
      .select()
      .from(subscriptions)
      .where(eq(subscriptions.organizationId, organizationId))
      .orderBy(desc(subscriptions.createdAt))
      .limit(MAX_SUBSCRIPTIONS),
    plans: db.select().from(plans),
    members: db.select({ count: count() }).from(memberships).where(eq(memberships.organizationId, organizationId)),
  })
  const [organization] = found.organizations
  if (!organization) throw new Problem('organization_not_found')
  const { subscriptions: bought, plans: offered, members } = found
  return {
    organization,
    subscriptions: bought,
    current: bought.find(({ isCurrent }) => isCurrent),
    plans: offered,
    memberCount: members[0]?.count ?? 0,
  }
}

/** The recipient of a provider's emails. Without a name, the organization's is used. */
export interface Payer {
  readonly email: string
  readonly name: string | null
}

export async function getPayer(db: Database, userId: string): Promise<Payer> {
  const [row] = await db.select({ email: users.email, name: users.name }).from(users).where(eq(users.id, userId))
  if (!row) throw new Problem('unauthenticated')
  return row
}

/** The billing contact of an organization, else its first active owner. */
export async function findContact(db: Database, organizationId: string): Promise<Payer | undefined> {
  const { rows } = await db.execute<{ email: string; name: string | null }>(sql`
    select email, null as name, 0 as rank, id from organizations where id = ${organizationId}::uuid and email is not null
    union all
    select u.email, u.name, 1 as rank, u.id from memberships m join users u on u.id = m.user_id and u.is_active
      where m.organization_id = ${organizationId}::uuid and m.role = 'owner'
    order by rank, id limit 1`)
  const [row] = rows
  return row && { email: row.email, name: row.name }
}

export type Charged = { readonly meter: string; readonly units: string; readonly amount: string }

/** The ledger's sums of one usage period, by meter: units, and micro-dollars. */
export async function listCharged(db: Database, organizationId: string, periodStart: Date): Promise<Charged[]> {
  const { rows } = await db.execute<Charged>(sql`
    select meter, sum(units)::text as units, sum(amount_micro_usd)::text as amount from billing_usage_ledger
    where organization_id = ${organizationId}::uuid and period_start = ${periodStart.toISOString()}::timestamptz group by meter`)
  return rows
}

export type MeterTerms = { readonly meter: string; readonly included: number; readonly tiers: readonly OverageTier[] }

/** By what the use of the usage period that runs is charged, by meter: from which billed unit on, and at what prices. */
export async function listTerms(db: Database, organizationId: string, periodStart: Date): Promise<MeterTerms[]> {
  const { rows } = await db.execute<MeterTerms>(sql`
    select terms.meter, terms.included::float8 as included, terms.tiers
    from organizations o join plans p on p.id = o.plan_id
    cross join lateral (select ${periodStart.toISOString()}::timestamptz as starts) period
    cross join lateral (${sql.raw(overageTerms('period.starts'))}) terms
    where o.id = ${organizationId}::uuid`)
  return rows
}

/** What credits did not pay in a usage period because none were left, in US dollars. */
export async function findCovered(db: Database, organizationId: string, periodStart: Date): Promise<string> {
  const { rows } = await db.execute<{ covered: string }>(sql`
    select covered_usd::text as covered from usage_periods
    where organization_id = ${organizationId}::uuid and period_start = ${periodStart.toISOString()}::timestamptz`)
  return rows[0]?.covered ?? '0'
}

/** An organization's subscription as recorded after a change. */
export async function findSubscription(db: Database, organizationId: string, id: string) {
  const mine = and(eq(subscriptions.organizationId, organizationId), eq(subscriptions.id, id))
  const [row] = await db.select().from(subscriptions).where(mine)
  return row
}
