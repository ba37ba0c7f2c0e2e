import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { backupCodes, loginChallenges, totpCredentials } from '../db/schema/accounts.ts'
import { users } from '../db/schema/users.ts'

/** Wrong codes after which the second factor is locked, and for how long. Knowing the password comes first, so only somebody who has it can do this to its owner. */
const WRONG_CODES = 10
const LOCK = sql`interval '15 minutes'`

export async function findTotp(db: Database, userId: string) {
  const [row] = await db
    .select({ secretEncrypted: totpCredentials.secretEncrypted, enabledAt: totpCredentials.enabledAt })
    .from(totpCredentials)
    .where(eq(totpCredentials.userId, userId))
  return row
}

/** Stores a secret that is not in force yet, in place of an earlier one that never was. @returns false when one is in force */
export async function upsertPendingTotp(db: Database, userId: string, secretEncrypted: Uint8Array): Promise<boolean> {
  const fresh = { secretEncrypted, lastStep: null, failedAttempts: 0, lockedUntil: null }
  const rows = await db
    .insert(totpCredentials)
    .values({ userId, ...fresh })
    .onConflictDoUpdate({ target: totpCredentials.userId, set: fresh, setWhere: isNull(totpCredentials.enabledAt) })
    .returning({ userId: totpCredentials.userId })
  return rows.length === 1
}

/**
 * Counts an attempt before its code is looked at, so that any number of guesses at once are counted, too. The tenth in a
 * row locks.
 *
 * @returns whether a code may be tried, and whether it is the one that locks; else until when not
 */
export async function claimAttempt(
  db: Database,
  userId: string,
  now: Date,
): Promise<{ lockedUntil: Date | null; mayTry: boolean; isLast: boolean }> {
  const at = sql`${now.toISOString()}::timestamptz`
  const isFree = sql`(locked_until is null or locked_until <= ${at})`
  const { rows } = await db.execute<{ locked_until: string | null; may_try: boolean; is_last: boolean }>(sql`
    with tried as (
      update totp_credentials set
        failed_attempts = case when failed_attempts + 1 >= ${WRONG_CODES}::int then 0 else failed_attempts + 1 end,
        locked_until = case when failed_attempts + 1 >= ${WRONG_CODES}::int then ${at} + ${LOCK} end
      where user_id = ${userId}::uuid and ${isFree}
      returning locked_until
    )
    select to_json(locked_until) #>> '{}' as locked_until, exists (select 1 from tried) as may_try,
      exists (select 1 from tried where locked_until is not null) as is_last
    from totp_credentials where user_id = ${userId}::uuid`)
  const row = rows[0]
  return {
    lockedUntil: row?.locked_until ? new Date(row.locked_until) : null,
    mayTry: row?.may_try ?? false,
    isLast: row?.is_last ?? false,
  }
}

/** Accepts a code of a step, once (RFC 6238 §5.2): neither it nor an older one ever again. */
export async function useTotpStep(db: Database, userId: string, step: number): Promise<boolean> {
  const rows = await db
    .update(totpCredentials)
    .set({ lastStep: step, failedAttempts: 0, lockedUntil: null })
    .where(and(eq(totpCredentials.userId, userId), sql`coalesce(${totpCredentials.lastStep}, -1) < ${step}`))
    .returning({ userId: totpCredentials.userId })
  return rows.length === 1
}

/** Uses up a backup code; of any number of requests with the same one exactly one does. */
export async function useBackupCode(db: Database, userId: string, codeHash: Uint8Array, now: Date): Promise<boolean> {
  const rows = await db
    .update(backupCodes)
    .set({ usedAt: now })
    .where(and(eq(backupCodes.userId, userId), eq(backupCodes.codeHash, codeHash), isNull(backupCodes.usedAt)))
    .returning({ id: backupCodes.id })
  if (rows.length === 1) await forgetAttempts(db, userId)
  return rows.length === 1
}

async function forgetAttempts(db: Database, userId: string): Promise<void> {
  await db
    .update(totpCredentials)
    .set({ failedAttempts: 0, lockedUntil: null })
    .where(eq(totpCredentials.userId, userId))
}

interface NewCodes {
  readonly userId: string
  readonly codes: readonly { readonly id: string; readonly codeHash: Uint8Array }[]
}

/** Statements that put new backup codes in the place of all earlier ones. */
export function replaceBackupCodes(db: Database, { userId, codes }: NewCodes) {
  return [
    db.delete(backupCodes).where(eq(backupCodes.userId, userId)),
    db.insert(backupCodes).values(codes.map((code) => ({ userId, ...code }))),
  ] as const
}

export function enableTotp(db: Database, userId: string, now: Date) {
  return db.update(totpCredentials).set({ enabledAt: now }).where(eq(totpCredentials.userId, userId))
}

/** Statements that take the second factor away, with its codes. */
export function removeTwoFactor(db: Database, userId: string) {
  return [
    db.delete(totpCredentials).where(eq(totpCredentials.userId, userId)),
    db.delete(backupCodes).where(eq(backupCodes.userId, userId)),
  ] as const
}

export async function insertChallenge(db: Database, challenge: typeof loginChallenges.$inferInsert): Promise<void> {
  await db.insert(loginChallenges).values(challenge)
}

/** @returns whose sign-in the challenge is of, while it is good and the account active */
export async function findChallenge(db: Database, tokenHash: Uint8Array, now: Date): Promise<string | undefined> {
  const [row] = await db
    .select({ userId: loginChallenges.userId })
    .from(loginChallenges)
    .innerJoin(users, eq(users.id, loginChallenges.userId))
    .where(and(isLive(tokenHash, now), eq(users.isActive, true)))
  return row?.userId
}

/** @returns whether it was still good: then the sign-in is ours to finish */
export async function useChallenge(db: Database, tokenHash: Uint8Array, now: Date): Promise<boolean> {
  const rows = await db
    .update(loginChallenges)
    .set({ usedAt: now })
    .where(isLive(tokenHash, now))
    .returning({ id: loginChallenges.id })
  return rows.length === 1
}

function isLive(tokenHash: Uint8Array, now: Date) {
  return and(
    eq(loginChallenges.tokenHash, tokenHash),
    isNull(loginChallenges.usedAt),
    gt(loginChallenges.expiresAt, now),
  )
}
