import { and, desc, eq, ilike, lt, or, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { plans } from '../../db/schema/plans.ts'
import { containing } from '../../lib/like.ts'
import { NO_ACTIVE_MEMBERS } from '../users/queries.ts'

const viewColumns = {
  id: organizations.id,
  name: organizations.name,
  slug: organizations.slug,
  planId: organizations.planId,
  isPlatform: organizations.isPlatform,
  isPersonal: organizations.isPersonal,
  limitOverrides: organizations.limitOverrides,
  suspendedAt: organizations.suspendedAt,
  suspendedReason: organizations.suspendedReason,
  createdAt: organizations.createdAt,
  memberCount: sql<number>`(select count(*)::int from memberships m where m.organization_id = organizations.id)`,
}

export type OrganizationView = NonNullable<Awaited<ReturnType<typeof findOrganization>>>

export async function findOrganization(db: Database, organizationId: string) {
  const [row] = await db.select(viewColumns).from(organizations).where(eq(organizations.id, organizationId))
  return row
}

interface OrganizationFilter {
  readonly search?: string | undefined
  readonly plan?: string | undefined
}

/** One page of all organizations, newest first, and one row more when there is another page. */
export function listOrganizations(
  db: Database,
  { search, plan }: OrganizationFilter,
  { limit, after }: { limit: number; after: string | undefined },
) {
  const pattern = search === undefined ? undefined : containing(search)
  return db
    .select(viewColumns)
    .from(organizations)
    .where(
      and(
        pattern === undefined ? undefined : or(ilike(organizations.name, pattern), ilike(organizations.slug, pattern)),
        plan === undefined ? undefined : eq(organizations.planId, plan),
        after ? lt(organizations.id, after) : undefined,
      ),
    )
    .orderBy(desc(organizations.id))
    .limit(limit + 1)
}

export async function hasPlan(db: Database, planId: string): Promise<boolean> {
  return (await db.select({ id: plans.id }).from(plans).where(eq(plans.id, planId))).length === 1
}

/** Puts an organization on a plan. The statement returns its new version. */
export function updatePlan(db: Database, organizationId: string, planId: string) {
  return db
    .update(organizations)
    .set({ planId, version: sql`${organizations.version} + 1` })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })
}

/** Whether an organization is there and not on this plan yet. */
export const isNotOn = (organizationId: string, planId: string) =>
  sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid and o.plan_id <> ${planId})`

/**
 * Whether an ordinary organization is not suspended yet, or is; one that was suspended for want of an active member can
 * still be suspended by an administrator.
 */
export const isSuspendable = (organizationId: string, suspended: boolean) => sql`exists (
  select 1 from organizations o where o.id = ${organizationId}::uuid and not o.is_platform
    and (o.suspended_at is not null and ${!suspended}::boolean
      or ${suspended}::boolean and (o.suspended_at is null or o.suspended_reason = ${NO_ACTIVE_MEMBERS})))`

/** Suspends an organization, or ends that. The statement returns its new version. */
export function updateSuspension(
  db: Database,
  organizationId: string,
  suspension: { readonly at: Date; readonly reason: string | undefined } | undefined,
) {
  return db
    .update(organizations)
    .set({
      suspendedAt: suspension?.at ?? null,
      suspendedReason: suspension?.reason ?? null,
      version: sql`${organizations.version} + 1`,
    })
    .where(eq(organizations.id, organizationId))
    .returning({ id: organizations.id, version: organizations.version })
}

/** Merges limits into an organization's own; null takes one out. The statement returns the organization's new version. */
export function updateLimitOverrides(db: Database, organizationId: string, changes: object) {
  return db
    .update(organizations)
    .set({
      limitOverrides: sql`jsonb_strip_nulls(${organizations.limitOverrides} || ${JSON.stringify(changes)}::jsonb)`,
      version: sql`${organizations.version} + 1`,
    })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })
}

export const isOrganization = (organizationId: string) =>
  sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid)`

/** @returns the id of the operator's own organization; `undefined` on a deployment that was not set up */
export async function findPlatformId(db: Database): Promise<string | undefined> {
  const [row] = await db.select({ id: organizations.id }).from(organizations).where(eq(organizations.isPlatform, true))
  return row?.id
}
