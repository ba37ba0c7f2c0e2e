import { type SQL, sql } from 'drizzle-orm'
import { requirement } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import { emailSignIns } from '../../db/schema/accounts.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { isConfirmedAs } from '../identities/queries.ts'
import { hasNoFactor } from '../two-factor/queries.ts'

const TRIES = 5

/** Stores a code, for a batch. If the page requests another one, it replaces the previous code, whose tries still count. */
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
 * Tries a code. A wrong one counts in the same statement; {@link useEmailCode} uses a correct one, in the batch of its effects.
 *
 * @returns `undefined` if there is no code to try: it is unknown, used, expired, or was tried too often
 */
export async function tryEmailCode(db: Database, { challenge, codeHash, now }: Try) {
  const isRight = sql`code_hash = ${bytesParameter(codeHash)}`
  const { rows } = await db.execute<{ email: string; is_right: boolean }>(sql`
    update email_sign_ins set tries = tries + (not (${isRight}))::int
    where code_challenge = ${challenge} and used_at is null and expires_at > ${now.toISOString()}::timestamptz and tries < ${TRIES}::int
    returning email, ${isRight} as is_right`)
  return rows[0] && { email: rows[0].email, isRight: rows[0].is_right }
}

/** Uses a code, in a batch. If it was used or replaced meanwhile, the batch rolls back with `invalid_sign_in`. */
export function useEmailCode(db: Database, { challenge, codeHash, now }: Try) {
  return db.execute(sql`
    with used as (
      update email_sign_ins set used_at = ${now.toISOString()}::timestamptz
      where code_challenge = ${challenge} and code_hash = ${bytesParameter(codeHash)} and used_at is null
      returning id
    )
    select ${requirement(sql`exists (select 1 from used)`, 'invalid_sign_in')}`)
}

/** Whether a sign-in by email still holds: the address is the account's and confirmed, and no second factor is required. */
export const stillSignsIn = (userId: string, email: string): SQL =>
  sql`${isConfirmedAs(userId, email)} and ${hasNoFactor(userId)}`
