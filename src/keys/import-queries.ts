import { type SQL, sql } from 'drizzle-orm'
import { unlessRefused } from '../audit/record.ts'
import { sqlState } from '../db/client.ts'
import type { Database } from '../db/orm.ts'
import { liveKeys, lockOrganization, type NewKeyRow, type Statement } from './write-queries.ts'

/** A hash that is there already. */
export interface KnownHash {
  readonly hash: string
  /** `undefined` where it belongs to another organization: that there is one is all that may be told. */
  readonly id: string | undefined
}

/** Which of these hashes are taken. They are unique over all organizations: a key says by itself whose it is. */
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

/** What the audit row of an import asks for, behind the insert: that the organization still has no more than it may. */
export const fitsWithin = (organizationId: string, maxKeys: number, at: Date): SQL =>
  sql`${liveKeys(organizationId, at)} <= ${maxKeys}::int`

/**
 * Stores imported keys, all or none.
 *
 * @param effects begin with the audit row of them, which decides by `fitsWithin`
 * @returns whether they were stored, or why they were not: there is no room, or one of them came from elsewhere meanwhile
 */
export async function insertImported(
  db: Database,
  organizationId: string,
  keys: readonly NewKeyRow[],
  effects: readonly Statement[],
): Promise<'stored' | 'no_room' | 'raced'> {
  const batch = db.batch([lockOrganization(db, organizationId), insertAll(db, organizationId, keys), ...effects])
  try {
    return (await unlessRefused(batch)) === undefined ? 'no_room' : 'stored'
  } catch (error) {
    if (sqlState(error) === '23505') return 'raced'
    throw error
  }
}

/** Sorted by hash, so that two imports of the same keys meet at the first of them. */
function insertAll(db: Database, organizationId: string, keys: readonly NewKeyRow[]) {
  return db.execute(sql`
    insert into api_keys (id, organization_id, created_by, name, description, key_hash, key_prefix, key_hint, environment,
      scopes, expires_at, custom_rate_limit, is_rate_limit_granted, limits, allowed_ips, metadata, has_checksum)
    select "id", ${organizationId}::uuid, "createdBy", "name", "description", decode("keyHash", 'hex'), "keyPrefix",
      "keyHint", "environment", "scopes", "expiresAt", "customRateLimit", "isRateLimitGranted", "limits", "allowedIps", "metadata",
      false
    from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as item("id" uuid, "createdBy" uuid, "name" text,
      "description" text, "keyHash" text, "keyPrefix" text, "keyHint" text, "environment" text, "scopes" text[],
      "expiresAt" timestamptz, "customRateLimit" int, "isRateLimitGranted" boolean, "limits" jsonb, "allowedIps" text[],
      "metadata" jsonb)
    order by "keyHash"`)
}
