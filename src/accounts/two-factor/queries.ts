import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import { hasTwoFactor } from '../../auth/two-factor.ts'
import { requirement, runBatch, type Statement } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import { backupCodes, loginChallenges, totpCredentials } from '../../db/schema/accounts.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { ssoConnections } from '../../db/schema/sso.ts'
import { users } from '../../db/schema/users.ts'

/**
 * The number of wrong codes that locks the second factor, and for how long. The password is checked first, so only
 * somebody who knows it can lock the owner out.
 */
const WRONG_CODES = 10
const LOCK = sql`interval '15 minutes'`

export async function findTotp(db: Database, userId: string) {
  const [row] = await db
    .select({
      secretEncrypted: totpCredentials.secretEncrypted,
      enabledAt: totpCredentials.enabledAt,
      lastStep: totpCredentials.lastStep,
    })
    .from(totpCredentials)
    .where(eq(totpCredentials.userId, userId))
  return row
}

/** Whether a user has no enabled second factor. */
export const hasNoFactor = (userId: string) => sql`not ${hasTwoFactor(sql`${userId}::uuid`)}`

/** Stores a secret that is not enabled yet, replacing an earlier one that never was. */
export function upsertPendingTotp(db: Database, userId: string, secretEncrypted: Uint8Array) {
  const fresh = { secretEncrypted, lastStep: null, failedAttempts: 0, lockedUntil: null }
  return db
    .insert(totpCredentials)
    .values({ userId, ...fresh })
    .onConflictDoUpdate({ target: totpCredentials.userId, set: fresh, setWhere: isNull(totpCredentials.enabledAt) })
}

/**
 * Counts an attempt before its code is checked, so that concurrent guesses all count. The tenth in a row locks.
 *
 * @returns whether a code may be tried, and whether this attempt locks the factor; otherwise until when it is locked
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

/**
 * Uses a TOTP code, in the batch that it authorizes: neither it nor an older code works again (RFC 6238 §5.2). A code
 * that no longer works rolls back the batch with `invalid_code`.
 */
export function useTotpStep(db: Database, userId: string, step: number) {
  return db.execute(sql`
    with used as (
      update totp_credentials set last_step = ${step}, failed_attempts = 0, locked_until = null
      where user_id = ${userId}::uuid and coalesce(last_step, -1) < ${step}
      returning user_id
    )
    select ${requirement(sql`exists (select 1 from used)`, 'invalid_code')}`)
}

/** Whether a backup code works, without using it. */
export async function hasBackupCode(db: Database, userId: string, codeHash: Uint8Array): Promise<boolean> {
  const rows = await db
    .select({ id: backupCodes.id })
    .from(backupCodes)
    .where(and(eq(backupCodes.userId, userId), eq(backupCodes.codeHash, codeHash), isNull(backupCodes.usedAt)))
  return rows.length === 1
}

/** Uses a backup code, in a batch, like {@link useTotpStep}. */
export function useBackupCode(db: Database, userId: string, codeHash: Uint8Array, now: Date) {
  return db.execute(sql`
    with used as (
      update backup_codes set used_at = ${now.toISOString()}::timestamptz
      where user_id = ${userId}::uuid and code_hash = ${bytesParameter(codeHash)} and used_at is null
      returning user_id
    ), forgotten as (
      update totp_credentials t set failed_attempts = 0, locked_until = null from used where t.user_id = used.user_id
    )
    select ${requirement(sql`exists (select 1 from used)`, 'invalid_code')}`)
}

interface NewCodes {
  readonly userId: string
  readonly codes: readonly { readonly id: string; readonly codeHash: Uint8Array }[]
}

/** Statements that replace all earlier backup codes. */
export function replaceBackupCodes(db: Database, { userId, codes }: NewCodes) {
  return [
    db.delete(backupCodes).where(eq(backupCodes.userId, userId)),
    db.insert(backupCodes).values(codes.map((code) => ({ userId, ...code }))),
  ] as const
}

export function enableTotp(db: Database, userId: string, now: Date) {
  return db.update(totpCredentials).set({ enabledAt: now }).where(eq(totpCredentials.userId, userId))
}

/** Makes a user's passkeys their second factor, replacing a secret that was never enabled. */
export function enablePasskeys(db: Database, userId: string, now: Date) {
  const fresh = { secretEncrypted: null, enabledAt: now, lastStep: null, failedAttempts: 0, lockedUntil: null }
  return db
    .insert(totpCredentials)
    .values({ userId, ...fresh })
    .onConflictDoUpdate({ target: totpCredentials.userId, set: fresh })
}

/** Stores a challenge. @returns how the user can present their second factor, besides a backup code */
export async function insertChallenge(
  db: Database,
  challenge: typeof loginChallenges.$inferInsert,
  rpId: string,
  spent: readonly Statement[],
) {
  const { userId } = challenge
  const { factors } = await runBatch(db, {
    spent,
    challenge: db.insert(loginChallenges).values(challenge),
    factors: db
      .select({
        hasApp: sql<boolean>`secret_encrypted is not null`,
        hasPasskey: sql<boolean>`exists (select 1 from passkeys p where p.user_id = ${userId}::uuid and p.rp_id = ${rpId})`,
      })
      .from(totpCredentials)
      .where(eq(totpCredentials.userId, userId)),
  })
  return factors[0] ?? { hasApp: false, hasPasskey: false }
}

/** Finds the sign-in that a challenge belongs to, while it is valid and the account is active. */
export async function findChallenge(db: Database, tokenHash: Uint8Array, now: Date) {
  const [row] = await db
    .select({
      userId: loginChallenges.userId,
      firstFactor: loginChallenges.firstFactor,
      connectionId: ssoConnections.id,
      organizationId: ssoConnections.organizationId,
    })
    .from(loginChallenges)
    .innerJoin(users, eq(users.id, loginChallenges.userId))
    .leftJoin(ssoConnections, eq(ssoConnections.id, loginChallenges.ssoConnectionId))
    .where(and(isLive(tokenHash, now), eq(users.isActive, true)))
  if (!row) return undefined
  const { userId, firstFactor, connectionId, organizationId } = row
  return { userId, firstFactor, sso: connectionId && organizationId ? { connectionId, organizationId } : undefined }
}

/**
 * Uses a challenge, in the batch that completes its sign-in. An invalid one rolls back the batch with
 * `invalid_challenge`.
 */
export function useChallenge(db: Database, tokenHash: Uint8Array, now: Date) {
  const at = sql`${now.toISOString()}::timestamptz`
  return db.execute(sql`
    with used as (
      update login_challenges set used_at = ${at}
      where token_hash = ${bytesParameter(tokenHash)} and used_at is null and expires_at > ${at}
      returning id
    )
    select ${requirement(sql`exists (select 1 from used)`, 'invalid_challenge')}`)
}

function isLive(tokenHash: Uint8Array, now: Date) {
  return and(
    eq(loginChallenges.tokenHash, tokenHash),
    isNull(loginChallenges.usedAt),
    gt(loginChallenges.expiresAt, now),
  )
}
