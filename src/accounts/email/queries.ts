import { and, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import { requirement } from '../../db/batch.ts'
import { lockUser } from '../../db/locks.ts'
import type { Database } from '../../db/orm.ts'
import { emailTokens, loginChallenges, sessions } from '../../db/schema/accounts.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { users } from '../../db/schema/users.ts'
import { defaultOrganization } from '../sessions/home-organization.ts'
import type { EmailPurpose } from './token.ts'

/** Finds the recipient of an account email, by the address that was entered. */
export async function findRecipient(db: Database, email: string) {
  const [row] = await db
    .select({
      id: users.id,
      email: users.email,
      name: users.name,
      isActive: users.isActive,
      emailVerifiedAt: users.emailVerifiedAt,
    })
    .from(users)
    .where(eq(users.email, email))
  return row
}

/** Stores a token and deletes the user's earlier ones for the same purpose; for a batch. */
export function replaceEmailToken(db: Database, token: typeof emailTokens.$inferInsert) {
  const { userId, purpose } = token
  const isEarlier = and(eq(emailTokens.userId, userId), eq(emailTokens.purpose, purpose), isNull(emailTokens.usedAt))
  return [lockUser(db, userId), db.delete(emailTokens).where(isEarlier), insertEmailToken(db, token)] as const
}

export function insertEmailToken(db: Database, token: typeof emailTokens.$inferInsert) {
  return db.insert(emailTokens).values(token)
}

/** Invalidates every unused link that was sent to a user; for a batch. */
export function deleteEmailTokens(db: Database, userId: string) {
  return db.delete(emailTokens).where(and(eq(emailTokens.userId, userId), isNull(emailTokens.usedAt)))
}

interface TokenUse {
  readonly purpose: EmailPurpose
  readonly tokenHash: Uint8Array
  readonly now: Date
}

/** Finds the user of a valid token without using it. */
export async function findTokenUser(db: Database, { purpose, tokenHash, now }: TokenUse) {
  const [row] = await db
    .select({
      id: users.id,
      email: users.email,
      name: users.name,
      emailVerifiedAt: users.emailVerifiedAt,
      passwordHash: users.passwordHash,
      tokenEmail: emailTokens.email,
      organizationId: defaultOrganization(sql`users.id`),
    })
    .from(emailTokens)
    .innerJoin(users, eq(users.id, emailTokens.userId))
    .where(
      and(
        eq(emailTokens.tokenHash, tokenHash),
        eq(emailTokens.purpose, purpose),
        isNull(emailTokens.usedAt),
        gt(emailTokens.expiresAt, now),
        eq(users.isActive, true),
      ),
    )
  return row
}

/**
 * Uses a token and applies its effect, in one statement of a batch. An invalid token (used, expired, for another
 * purpose, or for an address that changed) rolls back the whole batch with `invalid_token`, so that of concurrent uses
 * exactly one succeeds.
 *
 * @param effect assignments to the user `u`, which may refer to the token as `used`
 */
export function redeem(db: Database, { purpose, tokenHash, now }: TokenUse, effect: SQL) {
  const at = sql`${now.toISOString()}::timestamptz`
  return db.execute(sql`
    with used as (
      update email_tokens set used_at = ${at}
      where token_hash = ${bytesParameter(tokenHash)} and purpose = ${purpose} and used_at is null and expires_at > ${at}
      returning user_id, email
    ), done as (
      update users u set updated_at = ${at}, ${effect} from used
      where u.id = used.user_id and u.is_active and (u.email = used.email or ${purpose} = 'change')
      returning u.id
    )
    select ${requirement(sql`exists (select 1 from done)`, 'invalid_token')}`)
}

/** The effect of each purpose on its user. Opening a link proves the address it was sent to. */
export const EFFECTS = {
  verify: (now: Date) => sql`email_verified_at = coalesce(u.email_verified_at, ${now.toISOString()}::timestamptz)`,
  reset: (now: Date, passwordHash: string) =>
    sql`password_hash = ${passwordHash}, email_verified_at = coalesce(u.email_verified_at, ${now.toISOString()}::timestamptz)`,
  change: (now: Date) => sql`email = used.email, email_verified_at = ${now.toISOString()}::timestamptz`,
}

/** Ends a user's sessions, all or all but one, and their sign-ins that wait for a second factor; for a batch. */
export function endSessions(db: Database, userId: string, reason: string, { now, except }: Ending) {
  return [
    db
      .update(sessions)
      .set({ endedAt: now, endReason: reason })
      .where(
        and(
          eq(sessions.userId, userId),
          isNull(sessions.endedAt),
          except ? sql`${sessions.id} <> ${except}` : undefined,
        ),
      ),
    db.delete(loginChallenges).where(and(eq(loginChallenges.userId, userId), isNull(loginChallenges.usedAt))),
  ] as const
}

interface Ending {
  readonly now: Date
  readonly except?: string | undefined
}
