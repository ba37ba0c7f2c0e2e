import { and, eq, isNotNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { isAddressOf } from '../../db/own-address.ts'
import { organizationDomains } from '../../db/schema/domains.ts'
import { ssoConnections } from '../../db/schema/sso.ts'

export type ConnectionRow = typeof ssoConnections.$inferSelect

export async function findConnection(db: Database, id: string): Promise<ConnectionRow | undefined> {
  const [row] = await db.select().from(ssoConnections).where(eq(ssoConnections.id, id))
  return row
}

/** Finds the single sign-on of the organization that has verified a domain. */
export async function findByDomain(db: Database, domain: string): Promise<ConnectionRow | undefined> {
  const [row] = await db
    .select({ connection: ssoConnections })
    .from(organizationDomains)
    .innerJoin(ssoConnections, eq(ssoConnections.organizationId, organizationDomains.organizationId))
    .where(and(eq(organizationDomains.domain, domain), isNotNull(organizationDomains.verifiedAt)))
  return row?.connection
}

/** Whether a connection still exists with the same provider, and the user's current address is in its organization's domains. */
export const mayStillSignIn = ({ id, organizationId, issuer }: ConnectionRow, userId: string): SQL => sql`
  exists (select 1 from sso_connections c where c.id = ${id}::uuid and c.issuer = ${issuer})
  and exists (select 1 from users u where u.id = ${userId}::uuid
    and ${isAddressOf(organizationId, sql`u.email`)})`

/** Whether the user was not removed from the organization. */
export const isWelcome = (organizationId: string, userId: string): SQL => sql`not exists (
  select 1 from removed_members r where r.organization_id = ${organizationId}::uuid and r.user_id = ${userId}::uuid)`

export const noteUse = (db: Database, id: string, lastUsedAt: Date) =>
  db.update(ssoConnections).set({ lastUsedAt }).where(eq(ssoConnections.id, id))

/** Whether any organization has single sign-on. */
export const HAS_SSO: SQL = sql`exists (select 1 from sso_connections)`
