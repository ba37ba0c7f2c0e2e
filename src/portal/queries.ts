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
      organizationName: organizations.name,
      serviceKeyId: portalSessions.serviceKeyId,
      onBehalfOf: portalSessions.onBehalfOf,
      scopes: portalSessions.scopes,
      returnUrl: portalSessions.returnUrl,
    })
    .from(portalSessions)
    .innerJoin(organizations, eq(organizations.id, portalSessions.organizationId))
    .where(eq(portalSessions.tokenHash, tokenHash))
  return row
}

/** @returns the name of the organization, and the URL to which the portal leads back; `undefined` for a deleted one */
export async function findFrame(db: Database, organizationId: string, id: string) {
  const [row] = await db
    .select({ organizationName: organizations.name, returnUrl: portalSessions.returnUrl })
    .from(organizations)
    .leftJoin(portalSessions, and(eq(portalSessions.id, id), eq(portalSessions.organizationId, organizations.id)))
    .where(eq(organizations.id, organizationId))
  return row
}

/** A link whose organization and service key are still in force, as `s`. */
const inForce = (organizationId: string, tokenHash: Uint8Array, now: Date) => sql`
  from portal_sessions s join organizations o on o.id = s.organization_id and o.suspended_at is null
  where s.organization_id = ${organizationId}::uuid and s.token_hash = ${bytesParameter(tokenHash)}
    and ${isServiceKeyLive(sql`s.service_key_id`, now)}`

/** Whether a token can still be used, at this point of the batch. */
export const isRedeemable = (organizationId: string, tokenHash: Uint8Array, now: Date) => sql`exists (
  select 1 ${inForce(organizationId, tokenHash, now)}
    and s.used_at is null and s.expires_at > ${now.toISOString()}::timestamptz)`

/** @returns when the token was used with the same verifier, if that was after `since` and its access is still in force */
export async function findUse(
  db: Database,
  {
    organizationId,
    tokenHash,
    verifierHash,
  }: Readonly<Record<'tokenHash' | 'verifierHash', Uint8Array>> & { organizationId: string },
  { since, now }: { readonly since: Date; readonly now: Date },
): Promise<number | undefined> {
  const { rows } = await db.execute<{ used_at: string }>(sql`
    select (extract(epoch from s.used_at) * 1000)::float8 as used_at ${inForce(organizationId, tokenHash, now)}
      and s.verifier_hash = ${bytesParameter(verifierHash)} and s.used_at > ${since.toISOString()}::timestamptz`)
  return rows[0] && Number(rows[0].used_at)
}

interface Use {
  readonly organizationId: string
  readonly id: string
  readonly at: Date
  readonly verifierHash: Uint8Array | undefined
}

export function markUsed(db: Database, { organizationId, id, at, verifierHash }: Use) {
  const isOne = and(eq(portalSessions.id, id), eq(portalSessions.organizationId, organizationId))
  return db
    .update(portalSessions)
    .set({ usedAt: at, verifierHash: verifierHash ?? null })
    .where(isOne)
}
