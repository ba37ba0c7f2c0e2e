import { and, eq, sql } from 'drizzle-orm'
import type { AuditRow } from '../../audit/record.ts'
import { requireThat, type Statement, tryBatch } from '../../db/batch.ts'
import { lockKey } from '../../db/locks.ts'
import type { Database } from '../../db/orm.ts'
import { apiKeys } from '../../db/schema/keys.ts'
import type { KeyRef } from '../queries.ts'
import { isInGrace } from '../write-queries.ts'

/** A leaked key, with the people to notify. */
export interface FoundKey extends KeyRef {
  /** SHA-256 of the key, in hex. */
  readonly hash: string
  readonly name: string
  readonly hint: string
  readonly version: number
  readonly organization: string
  readonly owners: readonly { readonly email: string; readonly name: string | null }[]
}

/** Finds the keys of these hashes in all organizations: a report contains nothing but the key. */
export async function selectFoundKeys(db: Database, hashes: readonly string[]): Promise<FoundKey[]> {
  const { rows } = await db.execute<FoundKey & Record<string, unknown>>(sql`
    select k.id, k.organization_id as "organizationId", encode(k.key_hash, 'hex') as hash, k.name, k.key_hint as hint, k.version,
      o.name as organization, (
        select coalesce(json_agg(json_build_object('email', u.email, 'name', u.name) order by m.created_at), '[]'::json)
        from memberships m join users u on u.id = m.user_id
        where m.organization_id = o.id and m.role = 'owner' and u.is_active) as owners
    from api_keys k join organizations o on o.id = k.organization_id
    where k.key_hash = any(array(
      select decode(value, 'hex') from jsonb_array_elements_text(${JSON.stringify(hashes)}::jsonb)))
    order by k.id`)
  return rows
}

/** Neither revoked nor reported before, unless it was enabled again since. */
const isNewlyLeaked = ({ organizationId, id }: KeyRef, at: Date) => sql`exists (
  select 1 from api_keys where id = ${id}::uuid and organization_id = ${organizationId}::uuid and leaked_at is null
    and (revoked_at is null or ${isInGrace(at)}))`

/**
 * Disables a leaked key.
 *
 * @param row its audit row
 * @param mails the inserts of the mails about it
 * @returns its new version, or `undefined` if there was nothing left to do
 */
export async function disableLeaked(
  db: Database,
  key: KeyRef,
  at: Date,
  { row, mails }: { readonly row: AuditRow; readonly mails: readonly Statement[] },
): Promise<number | undefined> {
  const done = await tryBatch(db, {
    lock: lockKey(db, key),
    newlyLeaked: requireThat(db, isNewlyLeaked(key, at)),
    audit: row,
    key: db
      .update(apiKeys)
      .set({ isActive: false, leakedAt: at, version: sql`${apiKeys.version} + 1` })
      .where(and(eq(apiKeys.id, key.id), eq(apiKeys.organizationId, key.organizationId)))
      .returning({ version: apiKeys.version }),
    mails,
  })
  return done?.key[0]?.version
}
