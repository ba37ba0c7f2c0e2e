import { and, eq, sql } from 'drizzle-orm'
import { isServiceKeyLive } from '../auth/portal-keys.ts'
import type { Database } from '../db/orm.ts'
import { bytesParameter } from '../db/schema/columns.ts'
import { organizations } from '../db/schema/organizations.ts'
import { portalSessions } from '../db/schema/portal.ts'

export type PortalSession = NonNullable<Awaited<ReturnType<typeof findByToken>>>

/** @returns whether the organization is suspended; `undefined` if it does not exist */
export async function findSuspension(db: Database, organizationId: string): Promise<boolean | undefined> {
  const [row] = await db
    .select({ isSuspended: sql<boolean>`${organizations.suspendedAt} is not null` })
    .from(organizations)
    .where(eq(organizations.id, organizationId))
  return row?.isSuspended
}

export function insertSession(db: Database, session: typeof portalSessions.$inferInsert) {
  return db.insert(portalSessions).values(session)
}

/** Finds the session of a token, in any state. Only the token tells which organization it belongs to. */
export async function findByToken(db: Database, tokenHash: Uint8Array) {
  const [row] = await db
    .select({
      id: portalSessions.id,
      organizationId: portalSessions.organizationId,
      serviceKeyId: portalSessions.serviceKeyId,
      onBehalfOf: portalSessions.onBehalfOf,
      scopes: portalSessions.scopes,
      returnUrl: portalSessions.returnUrl,
    })
    .from(portalSessions)
    .where(eq(portalSessions.tokenHash, tokenHash))
  return row
}

/** @returns the URL to which the portal leads back */
export async function findReturnUrl(db: Database, organizationId: string, id: string): Promise<string | null> {
  const [row] = await db
    .select({ returnUrl: portalSessions.returnUrl })
    .from(portalSessions)
    .where(and(eq(portalSessions.id, id), eq(portalSessions.organizationId, organizationId)))
  return row?.returnUrl ?? null
}

/** Whether a token can still be used, at this point of the batch. */
export const isRedeemable = (organizationId: string, tokenHash: Uint8Array, now: Date) => sql`exists (
  select 1 from portal_sessions s join organizations o on o.id = s.organization_id and o.suspended_at is null
  where s.organization_id = ${organizationId}::uuid and s.token_hash = ${bytesParameter(tokenHash)}
    and s.used_at is null and s.expires_at > ${now.toISOString()}::timestamptz
    and ${isServiceKeyLive(sql`s.service_key_id`, now)})`

export function markUsed(db: Database, organizationId: string, id: string, at: Date) {
  const isOne = and(eq(portalSessions.id, id), eq(portalSessions.organizationId, organizationId))
  return db.update(portalSessions).set({ usedAt: at }).where(isOne)
}
