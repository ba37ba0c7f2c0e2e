import { sql } from 'drizzle-orm'
import { requireThat, type Statement, tryBatch } from '../db/batch.ts'
import { sqlState } from '../db/client.ts'
import { lockOrganization } from '../db/locks.ts'
import type { Database } from '../db/orm.ts'
import { liveKeys, type NewKeyRow } from './write-queries.ts'

/** A hash that is already stored. */
export interface KnownHash {
  readonly hash: string
  /** `undefined` if it belongs to another organization: nothing but its existence may be revealed. */
  readonly id: string | undefined
}

/**
 * Selects the hashes that are already stored. They are unique across all organizations, because a key alone identifies
 * its organization.
 */
export async function selectKnownHashes(
  db: Database,
  organizationId: string,
  hashes: readonly string[],
): Promise<KnownHash[]> {
  const { rows } = await db.execute<{ hash: string; id: string | null }>(sql`
    select encode(key_hash, 'hex') as hash, case when organization_id = ${organizationId}::uuid then id end as id
    from api_keys where key_hash = any(array(
      select decode(value, 'hex') from jsonb_array_elements_text(${JSON.stringify(hashes)}::jsonb)))`)
  return rows.map(({ hash, id }) => ({ hash, id: id ?? undefined }))
}

/**
 * Stores imported keys, all or none. After the insert, the organization must not exceed its number of keys.
 *
 * @param effects steps of the same batch, such as the audit row
 * @returns whether they were stored, or why not: there is no room, or another request stored one of them meanwhile
 */
export async function insertImported(
  db: Database,
  { organizationId, maxKeys, at }: { organizationId: string; maxKeys: number; at: Date },
  keys: readonly NewKeyRow[],
  effects: readonly Statement[],
): Promise<'stored' | 'no_room' | 'raced'> {
  try {
    const done = await tryBatch(db, {
      lock: lockOrganization(db, organizationId),
      keys: insertAll(db, organizationId, keys),
      room: requireThat(db, sql`${liveKeys(organizationId, at)} <= ${maxKeys}::int`),
      effects,
    })
    return done ? 'stored' : 'no_room'
  } catch (error) {
    if (sqlState(error) === '23505') return 'raced'
    throw error
  }
}

/** Sorted by hash, so that two imports of the same keys conflict at the first one and cannot deadlock. */
function insertAll(db: Database, organizationId: string, keys: readonly NewKeyRow[]) {
  return db.execute(sql`
    insert into api_keys (id, organization_id, created_by, name, description, key_hash, key_prefix, key_hint, environment,
      scopes, expires_at, custom_rate_limit, is_rate_limit_granted, limits, max_concurrent, allowed_ips, metadata, has_checksum)
    select "id", ${organizationId}::uuid, "createdBy", "name", "description", decode("keyHash", 'hex'), "keyPrefix",
      "keyHint", "environment", "scopes", "expiresAt", "customRateLimit", "isRateLimitGranted", "limits", "maxConcurrent", "allowedIps", "metadata",
      false
    from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as item("id" uuid, "createdBy" uuid, "name" text,
      "description" text, "keyHash" text, "keyPrefix" text, "keyHint" text, "environment" text, "scopes" text[],
      "expiresAt" timestamptz, "customRateLimit" int, "isRateLimitGranted" boolean, "limits" jsonb, "maxConcurrent" int, "allowedIps" text[],
      "metadata" jsonb)
    order by "keyHash"`)
}
