import { and, eq, gte, sql } from 'drizzle-orm'
import { requirement } from '../db/batch.ts'
import type { Database } from '../db/orm.ts'
import { bytesParameter } from '../db/schema/columns.ts'
import { idempotencyKeys } from '../db/schema/idempotency.ts'

/** The answer to the first request with an `Idempotency-Key`. */
export interface KeptAnswer {
  readonly isSameRequest: boolean
  readonly status: number
  readonly response: Uint8Array
}

/** @returns `undefined` if no request with this key has had an effect, or if its answer is no longer stored */
export async function findKeptAnswer(
  db: Database,
  id: Uint8Array,
  { requestHash, at }: { readonly requestHash: Uint8Array; readonly at: Date },
): Promise<KeptAnswer | undefined> {
  const [row] = await db
    .select({
      isSameRequest: sql<boolean>`${idempotencyKeys.requestHash} = ${bytesParameter(requestHash)}`,
      status: idempotencyKeys.status,
      response: idempotencyKeys.response,
    })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.id, id), gte(idempotencyKeys.expiresAt, at)))
  return row
}

/**
 * Inserts an answer in the batch that has the effect. If the key already has an answer, the whole batch fails with
 * `request_in_progress`, so that of concurrent equal requests only one has an effect.
 */
export function insertKeptAnswer(db: Database, row: typeof idempotencyKeys.$inferInsert & { createdAt: Date }) {
  const { requestHash, response, createdAt, expiresAt } = row
  const isExpired = sql`${idempotencyKeys.expiresAt} < ${createdAt.toISOString()}::timestamptz`
  return db
    .insert(idempotencyKeys)
    .values(row)
    .onConflictDoUpdate({
      target: idempotencyKeys.id,
      set: {
        requestHash,
        response,
        createdAt,
        expiresAt,
        status: sql`excluded.status`,
      },
      // An earlier answer is replaced only if it has expired and waits to be pruned.
      setWhere: sql`${requirement(isExpired, 'request_in_progress')}`,
    })
}
