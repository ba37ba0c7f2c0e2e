import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { AuditRow } from '../audit/record.ts'
import { requireThat, type Statement, tryBatch } from '../db/batch.ts'
import { lockKey, lockOrganization } from '../db/locks.ts'
import type { Database } from '../db/orm.ts'
import { apiKeys } from '../db/schema/keys.ts'
import type { NamedLimit } from '../db/schema/shapes.ts'
import type { KeyRef } from './queries.ts'

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
  readonly limits: readonly NamedLimit[]
  readonly allowedIps: readonly string[] | null
  readonly metadata: Record<string, unknown>
}

const isThe = ({ organizationId, id }: KeyRef) => and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId))

const moment = (at: Date) => sql`${at.toISOString()}::timestamptz`

/**
 * Whether a key's row is to be revoked in time to come: it is in its grace period. Requests at once reach the row in another
 * order than they read their clocks, so the database's clock counts where it is ahead: to the earlier reader a revocation
 * of a moment ago would else look like the end of a grace period.
 */
export const isInGrace = (at: Date) => sql`revoked_at > greatest(${moment(at)}, clock_timestamp())`

/**
 * How many keys count towards an organization's number: all that verify, or would if they were switched on. One in its
 * grace period does not, since the key that replaced it does.
 */
export const liveKeys = (organizationId: string, at: Date) => sql`(
  select count(*) from api_keys where organization_id = ${organizationId}::uuid
    and revoked_at is null and (expires_at is null or expires_at > ${moment(at)}))`

/** How many keys of an organization were rotated and still work. */
const keysInGrace = (organizationId: string, at: Date) => sql`(
  select count(*) from api_keys where organization_id = ${organizationId}::uuid and ${isInGrace(at)})`

/**
 * Stores a key unless the organization has its full number of live ones.
 *
 * @param effects run with it, such as its audit row
 * @returns whether there was room
 */
export async function insertKey(
  db: Database,
  key: NewKeyRow & { readonly createdAt: Date },
  { maxKeys, at }: { readonly maxKeys: number; readonly at: Date },
  effects: readonly Statement[],
): Promise<boolean> {
  const done = await tryBatch(db, {
    lock: lockOrganization(db, key.organizationId),
    key: db.execute(sql`
      insert into api_keys (id, organization_id, created_by, name, description, key_hash, key_prefix, key_hint, environment,
        scopes, expires_at, custom_rate_limit, is_rate_limit_granted, limits, allowed_ips, metadata, created_at)
      select ${key.id}::uuid, ${key.organizationId}::uuid, ${key.createdBy}::uuid, ${key.name}, ${key.description},
        decode(${key.keyHash}, 'hex'), ${key.keyPrefix}, ${key.keyHint}, ${key.environment}, ${asArray(key.scopes)},
        ${key.expiresAt}::timestamptz, ${key.customRateLimit}::int, ${key.isRateLimitGranted}::boolean, ${JSON.stringify(key.limits)}::jsonb, ${key.allowedIps && asArray(key.allowedIps)},
        ${JSON.stringify(key.metadata)}::jsonb, ${moment(key.createdAt)}
      where ${liveKeys(key.organizationId, at)} < ${maxKeys}::int`),
    room: requireThat(db, isLiveKey(key, at)),
    effects,
  })
  return done !== undefined
}

/** Whether there is such a key, not revoked by then. */
const isLiveKey = ({ organizationId, id }: KeyRef, at: Date) => sql`exists (
  select 1 from api_keys where id = ${id}::uuid and organization_id = ${organizationId}::uuid
    and (revoked_at is null or ${isInGrace(at)}))`

/** A text array as one parameter: a JSON array that Postgres unfolds. */
const asArray = (values: readonly string[]) =>
  sql`array(select jsonb_array_elements_text(${JSON.stringify(values)}::jsonb))`

/**
 * Revokes a key for good, in its grace period too.
 *
 * @param row the audit row of it. The key's row is locked first, so that of two revocations at once one is audited
 * @returns its new version, or `undefined` when there was no such live key
 */
export async function revokeKey(db: Database, key: KeyRef, at: Date, row: AuditRow): Promise<number | undefined> {
  const done = await tryBatch(db, {
    lock: lockKey(db, key),
    live: requireThat(db, isLiveKey(key, at)),
    audit: row,
    key: db
      .update(apiKeys)
      .set({ revokedAt: at, isActive: false, version: nextVersion })
      .where(isThe(key))
      .returning({ version: apiKeys.version }),
  })
  return done?.key[0]?.version
}

const nextVersion = sql`${apiKeys.version} + 1`

/** That a key's row is still the one on which a change was decided. */
const isUnchanged = ({ organizationId, id }: KeyRef, version: number) => sql`exists (
  select 1 from api_keys where id = ${id}::uuid and organization_id = ${organizationId}::uuid and version = ${version}::int)`

/** What a change requires: the row as it was read and, where another key begins to count, room for it. */
export function mayBeUpdated(
  key: KeyRef,
  version: number,
  room?: { readonly maxKeys: number; readonly at: Date },
): SQL {
  const same = isUnchanged(key, version)
  return room ? sql`${same} and ${liveKeys(key.organizationId, room.at)} < ${room.maxKeys}::int` : same
}

/** The columns that a change may set. */
export type KeyChanges = Partial<
  Pick<
    typeof apiKeys.$inferInsert,
    | 'name'
    | 'description'
    | 'expiresAt'
    | 'customRateLimit'
    | 'isRateLimitGranted'
    | 'limits'
    | 'metadata'
    | 'isActive'
    | 'leakedAt'
  >
> & { readonly scopes?: readonly string[]; readonly allowedIps?: readonly string[] | null }

/**
 * Sets these columns of a key and leaves the others alone.
 *
 * @param allowed see {@link mayBeUpdated}
 * @param row the audit row of it
 * @returns the key's new version, or `undefined` when nothing was done
 */
export async function updateKey(
  db: Database,
  key: KeyRef,
  { scopes, allowedIps, ...changes }: KeyChanges,
  { allowed, row }: { readonly allowed: SQL; readonly row: AuditRow },
): Promise<number | undefined> {
  const done = await tryBatch(db, {
    lock: lockOrganization(db, key.organizationId),
    lockKey: lockKey(db, key),
    allowed: requireThat(db, allowed),
    audit: row,
    key: db
      .update(apiKeys)
      .set({
        ...changes,
        ...(scopes && { scopes: asArray(scopes) }),
        ...(allowedIps !== undefined && { allowedIps: allowedIps && asArray(allowedIps) }),
        version: nextVersion,
      })
      .where(isThe(key))
      .returning({ version: apiKeys.version }),
  })
  return done?.key[0]?.version
}

type KeyColumn = keyof typeof apiKeys.$inferSelect

/** Taken from the schema, so that a column that is added later is copied to successors without anybody thinking of it. */
const KEY_COLUMNS = Object.keys(getTableColumns(apiKeys)) as KeyColumn[]

const toSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** What a successor does not take over; every other column is copied. */
function ownColumns({ id, createdAt, keyHash, keyPrefix, keyHint }: Successor): Partial<Record<KeyColumn, SQL>> {
  return {
    id: sql`${id}::uuid`,
    keyHash: sql`decode(${keyHash}, 'hex')`,
    keyPrefix: sql`${keyPrefix}`,
    keyHint: sql`${keyHint}`,
    hasChecksum: sql`true`,
    rotatedFrom: sql`id`,
    lineageId: sql`coalesce(lineage_id, id)`,
    isActive: sql`is_active or leaked_at is not null`,
    revokedAt: sql`null::timestamptz`,
    replacedBy: sql`null::uuid`,
    leakedAt: sql`null::timestamptz`,
    version: sql`1`,
    createdAt: moment(createdAt),
    updatedAt: moment(createdAt),
  }
}

/** What of a key's successor is its own. */
export interface Successor {
  readonly id: string
  readonly createdAt: Date
  /** SHA-256 of the key, in hex. */
  readonly keyHash: string
  readonly keyPrefix: string
  readonly keyHint: string
}

/**
 * What a rotation requires. As many keys may be in their grace period as may be live: rotating over and
 * over does not multiply the limits that each key has for itself.
 */
export function mayBeReplaced(
  key: KeyRef,
  version: number,
  grace?: { readonly maxKeys: number; readonly at: Date },
): SQL {
  const same = isUnchanged(key, version)
  return grace ? sql`${same} and ${keysInGrace(key.organizationId, grace.at)} < ${grace.maxKeys}::int` : same
}

/**
 * Puts a successor with everything the key has in its place, and lets the key end at a moment; never later than it would
 * have anyway. A key that is off because it leaked has a successor that is on.
 *
 * @param allowed see {@link mayBeReplaced}
 * @param effects run with it, such as its audit row
 * @returns the old key's new version, or `undefined` when nothing was done
 */
export async function replaceKey(
  db: Database,
  key: KeyRef,
  { successor, endsAt, hasGrace }: { successor: Successor; endsAt: Date; hasGrace: boolean },
  { allowed, effects }: { readonly allowed: SQL; readonly effects: readonly Statement[] },
): Promise<number | undefined> {
  const own = ownColumns(successor)
  const done = await tryBatch(db, {
    lock: lockOrganization(db, key.organizationId),
    lockKey: lockKey(db, key),
    allowed: requireThat(db, allowed),
    successor: db.execute(sql`
      insert into api_keys (${sql.raw(KEY_COLUMNS.map(toSnakeCase).join(', '))})
      select ${sql.join(
        KEY_COLUMNS.map((column) => own[column] ?? sql.raw(toSnakeCase(column))),
        sql`, `,
      )}
      from api_keys where id = ${key.id}::uuid and organization_id = ${key.organizationId}::uuid`),
    key: db
      .update(apiKeys)
      .set({
        replacedBy: successor.id,
        revokedAt: sql`least(${apiKeys.revokedAt}, ${apiKeys.expiresAt}, ${moment(endsAt)})`,
        isActive: sql`${apiKeys.isActive} and ${hasGrace}::boolean`,
        version: nextVersion,
      })
      .where(isThe(key))
      .returning({ version: apiKeys.version }),
    effects,
  })
  return done?.key[0]?.version
}
