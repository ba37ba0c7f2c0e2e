import { and, eq, isNull, lt, or, sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { bytesParameter } from '../db/schema/columns.ts'
import { idempotencyKeys } from '../db/schema/idempotency.ts'

interface NewClaim {
  readonly id: Uint8Array
  readonly requestHash: Uint8Array
  readonly now: Date
  readonly expiresAt: Date
  /** Claims older than this that never finished are free again. */
  readonly abandonedBefore: Date
}

/**
 * Claims a key for a request, in one statement: of any number of equal requests exactly one gets it.
 *
 * @returns the earlier request that holds the key, `undefined` when the claim is ours
 */
export async function claimIdempotencyKey(
  db: Database,
  { id, requestHash, now, expiresAt, abandonedBefore }: NewClaim,
) {
  const fresh = { requestHash, createdAt: now, expiresAt, status: null, response: null }
  const isFree = or(
    lt(idempotencyKeys.expiresAt, now),
    and(isNull(idempotencyKeys.status), lt(idempotencyKeys.createdAt, abandonedBefore)),
  )
  const [, [earlier], claimed] = await db.batch([
    db
      .select({ locked: sql`pg_advisory_xact_lock(hashtextextended(encode(${bytesParameter(id)}, 'hex'), 0))` })
      .from(sql`(select 1) as one`),
    db
      .select({
        isSameRequest: sql<boolean>`${idempotencyKeys.requestHash} = ${bytesParameter(requestHash)}`,
        status: idempotencyKeys.status,
        response: idempotencyKeys.response,
      })
      .from(idempotencyKeys)
      .where(eq(idempotencyKeys.id, id)),
    db
      .insert(idempotencyKeys)
      .values({ id, ...fresh })
      .onConflictDoUpdate({ target: idempotencyKeys.id, set: fresh, ...(isFree && { setWhere: isFree }) })
      .returning({ id: idempotencyKeys.id }),
  ])
  return claimed.length === 1 ? undefined : earlier
}

/** Keeps a finished request's answer for its repeats. */
export async function storeIdempotentAnswer(
  db: Database,
  id: Uint8Array,
  status: number,
  response: Uint8Array,
): Promise<void> {
  await db.update(idempotencyKeys).set({ status, response }).where(eq(idempotencyKeys.id, id))
}

/** Frees the key of a request that failed. */
export async function deleteIdempotencyKey(db: Database, id: Uint8Array): Promise<void> {
  await db.delete(idempotencyKeys).where(and(eq(idempotencyKeys.id, id), isNull(idempotencyKeys.status)))
}
