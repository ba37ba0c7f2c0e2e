import { and, desc, eq, getTableColumns, isNull, lt, sql } from 'drizzle-orm'
import { type AuditRow, unlessRefused } from '../audit/record.ts'
import type { Database } from '../db/orm.ts'
import { apiKeys, apiKeyUsage } from '../db/schema/keys.ts'
import { organizations } from '../db/schema/organizations.ts'

const { keyHash: _secret, ...keyColumns } = getTableColumns(apiKeys)
const shown = { ...keyColumns, totalRequests: apiKeyUsage.totalRequests, lastUsedAt: apiKeyUsage.lastUsedAt }

export type ShownKey = Awaited<ReturnType<typeof listKeys>>[number]

/** One page of an organization's keys, newest first, and one row more when there is another page. */
export function listKeys(
  db: Database,
  organizationId: string,
  { limit, after }: { limit: number; after: string | undefined },
) {
  return db
    .select(shown)
    .from(apiKeys)
    .leftJoin(apiKeyUsage, eq(apiKeyUsage.keyId, apiKeys.id))
    .where(and(eq(apiKeys.organizationId, organizationId), after ? lt(apiKeys.id, after) : undefined))
    .orderBy(desc(apiKeys.id))
    .limit(limit + 1)
}

export async function findKeyById(db: Database, organizationId: string, id: string): Promise<ShownKey | undefined> {
  const [row] = await db
    .select(shown)
    .from(apiKeys)
    .leftJoin(apiKeyUsage, eq(apiKeyUsage.keyId, apiKeys.id))
    .where(and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId)))
  return row
}

/** What issuing a key depends on: the organization's own rate limit and how many keys its plan allows. */
export async function selectKeyAllowance(db: Database, organizationId: string) {
  const { rows } = await db.execute<{ is_platform: boolean; rate_limit: number; max_api_keys: number }>(sql`
    select o.is_platform,
      coalesce((o.limit_overrides->>'rate_limit_per_minute')::int, (p.limits->>'rate_limit_per_minute')::int) as rate_limit,
      coalesce((o.limit_overrides->>'max_api_keys')::int, (p.limits->>'max_api_keys')::int) as max_api_keys
    from organizations o join plans p on p.id = o.plan_id where o.id = ${organizationId}`)
  return rows[0]
}

/** A key to store; the rest of its columns have defaults. */
export interface NewKeyRow {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string | null
  readonly name: string
  readonly description: string | null
  /** SHA-256 of the key, in hex. */
  readonly keyHash: string
  readonly keyPrefix: string
  readonly keyHint: string
  readonly environment: 'live' | 'test'
  readonly scopes: readonly string[]
  /** ISO 8601. */
  readonly expiresAt: string | null
  readonly customRateLimit: number | null
  readonly isRateLimitGranted: boolean
  readonly allowedIps: readonly string[] | null
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * Stores a key unless the organization has its full number of live ones. The organization's row is locked first and the
 * count read by the statement after it, so that keys issued at the same time are counted one after the other.
 *
 * @param row the audit row of it: without room there is neither, since it is provided that the key is there
 * @returns whether there was room
 */
export async function insertKey(db: Database, key: NewKeyRow, maxKeys: number, row: AuditRow): Promise<boolean> {
  const live = sql`select count(*) from api_keys where organization_id = ${key.organizationId}::uuid
    and revoked_at is null and (expires_at is null or expires_at > now())`
  const batch = db.batch([
    db
      .select({ id: organizations.id })
      .from(organizations)
      .where(eq(organizations.id, key.organizationId))
      .for('update'),
    db.execute(sql`
      insert into api_keys (id, organization_id, created_by, name, description, key_hash, key_prefix, key_hint, environment,
        scopes, expires_at, custom_rate_limit, is_rate_limit_granted, allowed_ips, metadata)
      select ${key.id}::uuid, ${key.organizationId}::uuid, ${key.createdBy}::uuid, ${key.name}, ${key.description},
        decode(${key.keyHash}, 'hex'), ${key.keyPrefix}, ${key.keyHint}, ${key.environment}, ${asArray(key.scopes)},
        ${key.expiresAt}::timestamptz, ${key.customRateLimit}::int, ${key.isRateLimitGranted}::boolean, ${key.allowedIps && asArray(key.allowedIps)},
        ${JSON.stringify(key.metadata)}::jsonb
      where (${live}) < ${maxKeys}::int`),
    row,
  ])
  return (await unlessRefused(batch)) !== undefined
}

/** Whether there is such a key, not revoked: what the audit row of issuing or revoking it asks for. */
export const isLiveKey = (organizationId: string, id: string) => sql`exists (
  select 1 from api_keys where id = ${id}::uuid and organization_id = ${organizationId}::uuid and revoked_at is null)`

/** A text array as one parameter: a JSON array that Postgres unfolds. */
const asArray = (values: readonly string[]) =>
  sql`array(select jsonb_array_elements_text(${JSON.stringify(values)}::jsonb))`

/**
 * Revokes a key for good.
 *
 * @param row the audit row of it, provided that the key is live; its row is locked first, so that of two at once one is
 * @returns its new version, or `undefined` when there was no such live key
 */
export async function revokeKey(
  db: Database,
  { organizationId, id }: { readonly organizationId: string; readonly id: string },
  at: Date,
  row: AuditRow,
): Promise<number | undefined> {
  const live = and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId), isNull(apiKeys.revokedAt))
  const batch = db.batch([
    db.select({ id: apiKeys.id }).from(apiKeys).where(live).for('update'),
    row,
    db
      .update(apiKeys)
      .set({ revokedAt: at, isActive: false, version: sql`${apiKeys.version} + 1` })
      .where(live)
      .returning({ version: apiKeys.version }),
  ])
  return (await unlessRefused(batch))?.[2][0]?.version
}
