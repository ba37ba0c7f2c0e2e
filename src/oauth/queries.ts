import { and, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import { mayDo } from '../auth/role-permissions.ts'
import { parsePermission } from '../auth/roles.ts'
import { hasTwoFactor } from '../auth/two-factor.ts'
import type { Database } from '../db/orm.ts'
import { bytesParameter } from '../db/schema/columns.ts'
import { apiKeys } from '../db/schema/keys.ts'
import { oauthClients, oauthCodes, oauthGrants } from '../db/schema/oauth.ts'
import { organizations } from '../db/schema/organizations.ts'
import type { PageRequest } from '../http/paging.ts'
import { ACCESS_PREFIX } from '../verification/key-format.ts'

export type CodeRow = typeof oauthCodes.$inferSelect
export type GrantRow = typeof oauthGrants.$inferSelect

export const insertCode = (db: Database, code: CodeRow) => db.insert(oauthCodes).values(code)

export async function findCode(db: Database, codeHash: Uint8Array): Promise<CodeRow | undefined> {
  const [row] = await db.select().from(oauthCodes).where(eq(oauthCodes.codeHash, codeHash))
  return row
}

/** Whether a code is still unused. Evaluated under the organization's lock. */
export const isUnused = (codeHash: Uint8Array) => sql`exists (
  select 1 from oauth_codes where code_hash = ${bytesParameter(codeHash)} and grant_id is null)`

export const useCode = (db: Database, codeHash: Uint8Array, grantId: string) =>
  db.update(oauthCodes).set({ grantId }).where(eq(oauthCodes.codeHash, codeHash))

/** How long an application keeps access for a user who must use the organization's identity provider, but does not sign in. */
const SIGN_ON_LASTS = sql.raw(`interval '7 days'`)

/** Whether a user meets the organization's requirements for members (auth/organization-access.ts): an application has no session. */
const meetsRequirements = (organizationId: string, userId: string) => sql`(
  exists (select 1 from organizations o where o.id = ${organizationId}::uuid
    and (not o.requires_two_factor or ${hasTwoFactor(sql`${userId}::uuid`)}))
  and not exists (select 1 from sso_connections c
    join memberships m on m.organization_id = c.organization_id and m.user_id = ${userId}::uuid and m.role <> 'owner'
    where c.organization_id = ${organizationId}::uuid and c.is_required and not exists (
      select 1 from sessions s where s.user_id = m.user_id and s.sso_connection_id = c.id and s.created_at > now() - ${SIGN_ON_LASTS})))`

/** A user who authorized an application must still be able to issue keys, also with the rights of its scopes. */
export const mayStillGrant = (organizationId: string, userId: string, scopes: readonly string[]) => sql`(
  ${mayDo(organizationId, userId, 'keys:write', ...scopes.flatMap((scope) => parsePermission(scope) ?? []))}
  and exists (select 1 from users u where u.id = ${userId}::uuid and u.is_active)
  and ${meetsRequirements(organizationId, userId)}
  and exists (select 1 from organizations o where o.id = ${organizationId}::uuid and o.suspended_at is null))`

interface NewAccess {
  readonly grant: GrantRow
  readonly name: string
  readonly scopes: readonly string[]
  readonly keyHash: Uint8Array
  readonly keyHint: string
  readonly expiresAt: Date
}

/** Statements that store a grant and its access token. */
export function insertGrant(db: Database, { grant, name, scopes, keyHash, keyHint, expiresAt }: NewAccess) {
  const { id, organizationId, userId, clientId, createdAt, resource } = grant
  return [
    db.insert(oauthGrants).values(grant),
    db.insert(apiKeys).values({
      id,
      organizationId,
      createdBy: userId,
      clientId,
      name,
      keyHash,
      keyPrefix: ACCESS_PREFIX,
      keyHint,
      environment: 'live',
      scopes: [...scopes],
      expiresAt,
      metadata: resource === null ? {} : { resource },
      createdAt,
    }),
  ] as const
}

/** A grant with its access token, in any state. */
export async function findGrant(db: Database, id: string) {
  const [row] = await db
    .select({
      grant: oauthGrants,
      scopes: apiKeys.scopes,
      keyHash: apiKeys.keyHash,
      keyExpiresAt: apiKeys.expiresAt,
      isLive: sql<boolean>`(${apiKeys.revokedAt} is null and ${apiKeys.isActive})`,
    })
    .from(oauthGrants)
    .innerJoin(apiKeys, and(eq(apiKeys.id, oauthGrants.id), eq(apiKeys.organizationId, oauthGrants.organizationId)))
    .where(eq(oauthGrants.id, id))
  return row
}

export type FoundGrant = NonNullable<Awaited<ReturnType<typeof findGrant>>>

/** Whether a grant has not been renewed since it was read, and its token is neither revoked nor disabled. */
export const isRenewable = ({ id, organizationId, generation }: GrantRow) => sql`exists (
  select 1 from oauth_grants g join api_keys k on k.id = g.id and k.organization_id = g.organization_id
  where g.id = ${id}::uuid and g.organization_id = ${organizationId}::uuid and g.generation = ${generation}::int
    and k.revoked_at is null and k.is_active)`

interface Renewed {
  readonly generation: number
  readonly predecessor: number
  readonly keyHash: Uint8Array
  readonly keyHint: string
  readonly keyExpiresAt: Date
  readonly refreshedAt: Date
  readonly expiresAt: Date
}

export const renewGrant = (db: Database, { id, organizationId }: GrantRow, at: Renewed) =>
  [
    db
      .update(oauthGrants)
      .set({
        generation: at.generation,
        predecessor: at.predecessor,
        refreshedAt: at.refreshedAt,
        expiresAt: at.expiresAt,
      })
      .where(and(eq(oauthGrants.id, id), eq(oauthGrants.organizationId, organizationId))),
    db
      .update(apiKeys)
      .set({
        keyHash: at.keyHash,
        keyHint: at.keyHint,
        expiresAt: at.keyExpiresAt,
        version: sql`${apiKeys.version} + 1`,
      })
      .where(and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId))),
  ] as const

/** The version of a key after a change of it. */
export async function selectVersion(db: Database, organizationId: string, id: string): Promise<number | undefined> {
  const [row] = await db
    .select({ version: apiKeys.version })
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId)))
  return row?.version
}

/** The access token with this hash, with the fields of introspection. Keys that are no application's have no grant. */
export async function findAccess(db: Database, keyHash: Uint8Array) {
  const [row] = await db
    .select({
      id: apiKeys.id,
      organizationId: apiKeys.organizationId,
      grant: oauthGrants,
      client: oauthClients,
      scopes: apiKeys.scopes,
      isActive: apiKeys.isActive,
      expiresAt: apiKeys.expiresAt,
      revokedAt: apiKeys.revokedAt,
      allowedIps: apiKeys.allowedIps,
      createdAt: apiKeys.createdAt,
      isSuspended: sql<boolean>`(${organizations.suspendedAt} is not null)`,
    })
    .from(apiKeys)
    .leftJoin(oauthGrants, and(eq(oauthGrants.id, apiKeys.id), eq(oauthGrants.organizationId, apiKeys.organizationId)))
    .leftJoin(oauthClients, eq(oauthClients.id, oauthGrants.clientId))
    .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
    .where(eq(apiKeys.keyHash, keyHash))
  return row
}

/** One page of a user's grants to applications that have access at a time, newest first, plus one row if there is another page. */
export const listGrants = (db: Database, userId: string, { limit, after, at }: PageRequest & { readonly at: Date }) =>
  db
    .select({
      id: oauthGrants.id,
      organizationId: oauthGrants.organizationId,
      organizationName: organizations.name,
      client: oauthClients,
      scopes: apiKeys.scopes,
      resource: oauthGrants.resource,
      createdAt: oauthGrants.createdAt,
      refreshedAt: oauthGrants.refreshedAt,
      expiresAt: oauthGrants.expiresAt,
    })
    .from(oauthGrants)
    .innerJoin(apiKeys, and(eq(apiKeys.id, oauthGrants.id), eq(apiKeys.organizationId, oauthGrants.organizationId)))
    .innerJoin(oauthClients, eq(oauthClients.id, oauthGrants.clientId))
    .innerJoin(organizations, eq(organizations.id, oauthGrants.organizationId))
    .where(
      and(
        eq(oauthGrants.userId, userId),
        isNull(apiKeys.revokedAt),
        gt(oauthGrants.expiresAt, at),
        after ? lt(oauthGrants.id, after) : undefined,
      ),
    )
    .orderBy(desc(oauthGrants.id))
    .limit(limit + 1)

export type GrantView = Awaited<ReturnType<typeof listGrants>>[number]
