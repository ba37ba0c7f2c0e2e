import { eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { readBriefly } from '../../db/read-briefly.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { NO_ACTIVE_MEMBERS } from '../users/queries.ts'
import { selectStatus } from './status.ts'

const viewColumns = {
  id: organizations.id,
  externalId: organizations.externalId,
  email: organizations.email,
  metadata: organizations.metadata,
  name: organizations.name,
  slug: organizations.slug,
  planId: organizations.planId,
  isPlatform: organizations.isPlatform,
  isPersonal: organizations.isPersonal,
  limitOverrides: organizations.limitOverrides,
  status: selectStatus,
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

export async function findByExternalId(db: Database, externalId: string): Promise<OrganizationView | undefined> {
  const [row] = await db.select(viewColumns).from(organizations).where(eq(organizations.externalId, externalId))
  return row
}

/** Selects one page, plus one row if there is another page; for the condition and order see filter.ts. */
export function listOrganizations(
  db: Database,
  { where, orderBy }: { readonly where: SQL | undefined; readonly orderBy: readonly SQL[] },
  limit: number,
) {
  const read = db.select(viewColumns).from(organizations).where(where)
  return readBriefly(db, read.orderBy(...orderBy).limit(limit + 1))
}

/** Stores a customer, unless its external id is taken. */
export function insertCustomer(db: Database, organization: OrganizationView) {
  const { memberCount: _counted, status: _derived, ...row } = organization
  return db.insert(organizations).values(row).onConflictDoNothing({ target: organizations.externalId })
}

export async function selectVersion(db: Database, organizationId: string): Promise<number | undefined> {
  const [row] = await db
    .select({ version: organizations.version })
    .from(organizations)
    .where(eq(organizations.id, organizationId))
  return row?.version
}

/** The fields of a customer that can be changed; absent ones stay. */
interface CustomerColumns {
  readonly name?: string | undefined
  readonly email?: string | null | undefined
  readonly metadata?: Record<string, unknown> | undefined
  readonly plan?: string | undefined
  readonly external_id?: string | null | undefined
  readonly limits?: object | undefined
}

/** The statement returns the organization's new version. */
export function updateOrganization(db: Database, organizationId: string, changes: CustomerColumns) {
  const { name, email, metadata, plan, external_id, limits } = changes
  return db
    .update(organizations)
    .set({
      ...(name !== undefined && { name }),
      ...(email !== undefined && { email }),
      ...(metadata !== undefined && { metadata }),
      ...(plan !== undefined && { planId: plan, seats: null, limitAdditions: {} }), // a subscription sets these again
      ...(external_id !== undefined && { externalId: external_id }),
      ...(limits !== undefined && { limitOverrides: mergedLimits(limits) }),
      version: sql`${organizations.version} + 1`,
    })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })
}

/** Null removes a limit. */
const mergedLimits = (changes: object) =>
  sql`jsonb_strip_nulls(${organizations.limitOverrides} || ${JSON.stringify(changes)}::jsonb)`

/** Whether it is a customer's organization, not the platform's. */
export const isCustomer = (organizationId: string) =>
  sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid and not o.is_platform)`

/** Whether an organization exists and is not on this plan yet. */
export const isNotOn = (organizationId: string, planId: string) =>
  sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid and o.plan_id <> ${planId})`

/**
 * Whether a customer's organization can be suspended, or resumed. One that was suspended because it has no active members can
 * still be suspended by an administrator.
 */
export const isSuspendable = (organizationId: string, suspended: boolean) => sql`exists (
  select 1 from organizations o where o.id = ${organizationId}::uuid and not o.is_platform
    and (o.suspended_at is not null and ${!suspended}::boolean
      or ${suspended}::boolean and (o.suspended_at is null or o.suspended_reason = ${NO_ACTIVE_MEMBERS})))`

/** Suspends or resumes an organization. The statement returns its new version. */
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

/** @returns the id of the operator's own organization; `undefined` on a deployment that was not set up */
export async function findPlatformId(db: Database): Promise<string | undefined> {
  const [row] = await db.select({ id: organizations.id }).from(organizations).where(eq(organizations.isPlatform, true))
  return row?.id
}
