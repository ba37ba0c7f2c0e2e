import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { emailSignIns } from '../../db/schema/accounts.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { isConfirmedAs } from '../identities/queries.ts'
import { hasNoFactor } from '../two-factor/queries.ts'

const TRIES = 5

/** Stores a code, for a batch. Of a page that asks again it replaces the former one, whose tries still count. */
export function upsertEmailSignIn(db: Database, row: typeof emailSignIns.$inferInsert) {
  const { codeHash, expiresAt } = row
  return db
    .insert(emailSignIns)
    .values(row)
    .onConflictDoUpdate({
      target: emailSignIns.codeChallenge,
      set: { codeHash, expiresAt },
      setWhere: sql`${emailSignIns.email} = excluded.email and ${emailSignIns.usedAt} is null`,
    })
}

interface Try {
  readonly challenge: string
  readonly codeHash: Uint8Array
  readonly now: Date
}

/**
 * Tries a code, which counts before it is compared. A correct one works once.
 *
 * @returns `undefined` if nothing can be tried: it is unknown, used, expired, or was tried too often
 */
export async function tryEmailCode(db: Database, { challenge, codeHash, now }: Try) {
  const at = sql`${now.toISOString()}::timestamptz`
  const { rows } = await db.execute<{ email: string; is_right: boolean }>(sql`
    update email_sign_ins
    set tries = tries + 1, used_at = case when code_hash = ${bytesParameter(codeHash)} then ${at} end
    where code_challenge = ${challenge} and used_at is null and expires_at > ${at} and tries < ${TRIES}::int
    returning email, used_at is not null as is_right`)
  return rows[0] && { email: rows[0].email, isRight: rows[0].is_right }
}

/** Whether a sign-in by email still holds: the address is the account's and confirmed, and no second factor is asked for. */
export const stillSignsIn = (userId: string, email: string): SQL =>
  sql`${isConfirmedAs(userId, email)} and ${hasNoFactor(userId)}`
