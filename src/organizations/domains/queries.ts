import { and, desc, eq, isNotNull, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { organizationDomains, removedMembers } from '../../db/schema/domains.ts'

export type DomainRow = typeof organizationDomains.$inferSelect

/** Identifies one domain of an organization. */
export interface DomainRef {
  readonly organizationId: string
  readonly id: string
}

const isDomain = ({ organizationId, id }: DomainRef) =>
  and(eq(organizationDomains.id, id), eq(organizationDomains.organizationId, organizationId))

export const listDomains = (db: Database, organizationId: string): Promise<DomainRow[]> =>
  db
    .select()
    .from(organizationDomains)
    .where(eq(organizationDomains.organizationId, organizationId))
    .orderBy(desc(organizationDomains.id))

export async function findDomain(db: Database, domain: DomainRef): Promise<DomainRow | undefined> {
  const [row] = await db.select().from(organizationDomains).where(isDomain(domain))
  return row
}

/** The organization that has verified a domain. */
export async function findHolder(db: Database, domain: string): Promise<DomainRow | undefined> {
  const [row] = await db
    .select()
    .from(organizationDomains)
    .where(and(eq(organizationDomains.domain, domain), isNotNull(organizationDomains.verifiedAt)))
  return row
}

export const insertDomain = (db: Database, domain: typeof organizationDomains.$inferInsert) =>
  db.insert(organizationDomains).values(domain)

export const updateDomain = (
  db: Database,
  domain: DomainRef,
  changes: Partial<Pick<DomainRow, 'joinRole' | 'verifiedAt' | 'checkedAt' | 'missed'>>,
) => db.update(organizationDomains).set(changes).where(isDomain(domain))

export const deleteDomain = (db: Database, domain: DomainRef) => db.delete(organizationDomains).where(isDomain(domain))

/** Whether a domain belongs to an organization. */
export const isOwnDomain = ({ organizationId, id }: DomainRef) => sql`exists (
  select 1 from organization_domains d where d.id = ${id}::uuid and d.organization_id = ${organizationId}::uuid)`

/** Whether an organization is below its limit of domains. Evaluated under its lock. */
export const hasRoom = (organizationId: string, most: number) => sql`(
  select count(*) from organization_domains d where d.organization_id = ${organizationId}::uuid) < ${most}::int`

/**
 * Selects verified domains that are due for another lookup, in random order.
 *
 * @param before the domain is due if its last lookup was before this time: by whether that lookup `found` or `missed` the record
 */
export const selectDue = (db: Database, before: { readonly found: Date; readonly missed: Date }, limit: number) =>
  db
    .select()
    .from(organizationDomains)
    .where(
      and(
        isNotNull(organizationDomains.verifiedAt),
        sql`${organizationDomains.checkedAt} < case ${organizationDomains.missed}
          when 0 then ${before.found.toISOString()}::timestamptz else ${before.missed.toISOString()}::timestamptz end`,
      ),
    )
    .orderBy(sql`random()`) // domains whose DNS never answers stay due, and must not starve the others
    .limit(limit)

/** Whether a domain is still verified and was not looked up since it was read. Evaluated under its organization's lock. */
export const isAsChecked = ({ id, organizationId, checkedAt }: DomainRow) => sql`exists (
  select 1 from organization_domains d where d.id = ${id}::uuid and d.organization_id = ${organizationId}::uuid
    and d.verified_at is not null
    and date_trunc('milliseconds', d.checked_at) = ${checkedAt?.toISOString() ?? null}::timestamptz)`

/** Whether no organization has verified a domain. */
export const isFree = (domain: string) => sql`not exists (
  select 1 from organization_domains d where d.domain = ${domain} and d.verified_at is not null)`

/** The organizations that a user may join by the domain of their confirmed address, and in which role. */
const joinable = (userId: string) => sql`
  from users u
  join organization_domains d on d.domain = split_part(u.email, '@', 2) and d.verified_at is not null
  join organizations o on o.id = d.organization_id
  where u.id = ${userId}::uuid and u.is_active and u.email_verified_at is not null and d.join_role is not null
    and not exists (select 1 from memberships m where m.organization_id = o.id and m.user_id = u.id)
    and not exists (select 1 from removed_members r where r.organization_id = o.id and r.user_id = u.id)`

export async function listJoinable(db: Database, userId: string) {
  const { rows } = await db.execute<{ organization_id: string; name: string; role: 'member' | 'viewer' }>(
    sql`select o.id as organization_id, o.name, d.join_role as role ${joinable(userId)} order by o.name, o.id`,
  )
  return rows
}

/** Whether a user may still join an organization in a role, at this point of the batch. */
export const isJoinable = (userId: string, organizationId: string, role: string) =>
  sql`exists (select 1 ${joinable(userId)} and o.id = ${organizationId}::uuid and d.join_role = ${role})`

/** Records that a user was removed, so that they cannot join again by their domain. */
export const insertRemoved = (db: Database, organizationId: string, userId: string, removedAt: Date) =>
  db.insert(removedMembers).values({ organizationId, userId, removedAt }).onConflictDoNothing()

/** Allows a removed user to join again. */
export const deleteRemoved = (db: Database, organizationId: string, userId: string) =>
  db
    .delete(removedMembers)
    .where(and(eq(removedMembers.organizationId, organizationId), eq(removedMembers.userId, userId)))
