import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import type { AuditRow } from '../audit/record.ts'
import { requireThat, type Statement, tryBatch } from '../db/batch.ts'
import { lockKey, lockOrganization } from '../db/locks.ts'
import type { Database } from '../db/orm.ts'
import { apiKeys } from '../db/schema/keys.ts'
import type { NamedLimit } from '../db/schema/shapes.ts'
import type { KeyRef } from './queries.ts'

/** A key to insert. The rest of its columns have defaults. */
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
  readonly maxConcurrent: number | null
  readonly allowedIps: readonly string[] | null
  readonly metadata: Record<string, unknown>
}

const matchesKey = ({ organizationId, id }: KeyRef) =>
  and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId))

const toTimestamp = (at: Date) => sql`${at.toISOString()}::timestamptz`

/**
 * Whether a key's revocation lies in the future, so that it is in its grace period. Concurrent requests reach the row
 * in another order than they read their clocks, so the database's clock counts if it is ahead. Otherwise an earlier
 * reader would take a revocation from a moment ago for the end of a grace period.
 */
export const isInGrace = (at: Date) => sql`revoked_at > greatest(${toTimestamp(at)}, clock_timestamp())`

/**
 * How many keys count towards an organization's number: all that verify, or would if they were enabled. A key in its
 * grace period does not count, because its successor does, nor does the access token of an application.
 */
export const liveKeys = (organizationId: string, at: Date) => sql`(
  select count(*) from api_keys where organization_id = ${organizationId}::uuid
    and client_id is null and revoked_at is null and (expires_at is null or expires_at > ${toTimestamp(at)}))`

/** How many rotated keys of an organization still work. */
const keysInGrace = (organizationId: string, at: Date) => sql`(
  select count(*) from api_keys where organization_id = ${organizationId}::uuid and ${isInGrace(at)})`

/**
 * Inserts a key unless the organization has reached its number of live keys.
 *
 * @param effects steps of the same batch, such as its audit row
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
        scopes, expires_at, custom_rate_limit, is_rate_limit_granted, limits, max_concurrent, allowed_ips, metadata, created_at)
      select ${key.id}::uuid, ${key.organizationId}::uuid, ${key.createdBy}::uuid, ${key.name}, ${key.description},
        decode(${key.keyHash}, 'hex'), ${key.keyPrefix}, ${key.keyHint}, ${key.environment}, ${asArray(key.scopes)},
        ${key.expiresAt}::timestamptz, ${key.customRateLimit}::int, ${key.isRateLimitGranted}::boolean, ${JSON.stringify(key.limits)}::jsonb, ${key.maxConcurrent}::int, ${key.allowedIps && asArray(key.allowedIps)},
        ${JSON.stringify(key.metadata)}::jsonb, ${toTimestamp(key.createdAt)}
      where ${liveKeys(key.organizationId, at)} < ${maxKeys}::int`),
    room: requireThat(db, isLiveKey(key, at)),
    effects,
  })
  return done !== undefined
}

/** Whether the key exists and is not revoked by then. */
const isLiveKey = ({ organizationId, id }: KeyRef, at: Date) => sql`exists (
  select 1 from api_keys where id = ${id}::uuid and organization_id = ${organizationId}::uuid
    and (revoked_at is null or ${isInGrace(at)}))`

/** A text array as one parameter: a JSON array that Postgres expands. */
const asArray = (values: readonly string[]) =>
  sql`array(select jsonb_array_elements_text(${JSON.stringify(values)}::jsonb))`

/**
 * Revokes a key permanently, also in its grace period.
 *
 * @param effects its audit row, and other statements. The key's row is locked first, so that only one of two concurrent revocations is audited
 * @returns its new version, or `undefined` if there was no such live key
 */
export async function revokeKey(
  db: Database,
  key: KeyRef,
  at: Date,
  effects: readonly BatchItem<'pg'>[],
): Promise<number | undefined> {
  const done = await tryBatch(db, {
    lock: lockKey(db, key),
    live: requireThat(db, isLiveKey(key, at)),
    effects,
    key: db
      .update(apiKeys)
      .set({ revokedAt: at, isActive: false, version: nextVersion })
      .where(matchesKey(key))
      .returning({ version: apiKeys.version }),
  })
  return done?.key[0]?.version
}

const nextVersion = sql`${apiKeys.version} + 1`

/** Whether a key's row is still the one that a change was decided from. */
const isUnchanged = ({ organizationId, id }: KeyRef, version: number) => sql`exists (
  select 1 from api_keys where id = ${id}::uuid and organization_id = ${organizationId}::uuid and version = ${version}::int)`

/** What a change requires: the row as it was read, and room if another key starts to count. */
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
    | 'maxConcurrent'
    | 'metadata'
    | 'isActive'
    | 'leakedAt'
  >
> & { readonly scopes?: readonly string[]; readonly allowedIps?: readonly string[] | null }

/**
 * Sets these columns of a key and leaves the others unchanged.
 *
 * @param allowed see {@link mayBeUpdated}
 * @param row its audit row
 * @returns the key's new version, or `undefined` if nothing was written
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
      .where(matchesKey(key))
      .returning({ version: apiKeys.version }),
  })
  return done?.key[0]?.version
}

type KeyColumn = keyof typeof apiKeys.$inferSelect

/** Derived from the schema, so that a column added later is copied to successors automatically. */
const KEY_COLUMNS = Object.keys(getTableColumns(apiKeys)) as KeyColumn[]

const toSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The columns that a successor does not inherit. Every other column is copied. */
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
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(createdAt),
  }
}

/** The successor's own values. */
export interface Successor {
  readonly id: string
  readonly createdAt: Date
  /** SHA-256 of the key, in hex. */
  readonly keyHash: string
  readonly keyPrefix: string
  readonly keyHint: string
}

/**
 * What a rotation requires. The number of keys in their grace period is limited like the number of live keys, so that
 * repeated rotation does not multiply the limits that each key has.
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
 * Inserts a successor with all properties of the key, and ends the key at a given time, but never later than it would
 * end anyway. If the key is disabled because it leaked, its successor is enabled.
 *
 * @param allowed see {@link mayBeReplaced}
 * @param effects steps of the same batch, such as its audit row
 * @returns the old key's new version, or `undefined` if nothing was written
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
        revokedAt: sql`least(${apiKeys.revokedAt}, ${apiKeys.expiresAt}, ${toTimestamp(endsAt)})`,
        isActive: sql`${apiKeys.isActive} and ${hasGrace}::boolean`,
        version: nextVersion,
      })
      .where(matchesKey(key))
      .returning({ version: apiKeys.version }),
    effects,
  })
  return done?.key[0]?.version
}
