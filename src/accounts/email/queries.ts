import { and, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import { requirement } from '../../db/batch.ts'
import { lockUser } from '../../db/locks.ts'
import type { Database } from '../../db/orm.ts'
import { emailTokens, loginChallenges, sessions } from '../../db/schema/accounts.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { users } from '../../db/schema/users.ts'
import { defaultOrganization } from '../sessions/home-organization.ts'
import type { EmailPurpose } from './token.ts'

/** Whom a mail about an account goes to, by the address somebody typed. */
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

/** Stores a token in the place of the user's earlier ones of its purpose; for a batch. */
export function replaceEmailToken(db: Database, token: typeof emailTokens.$inferInsert) {
  const { userId, purpose } = token
  const isEarlier = and(eq(emailTokens.userId, userId), eq(emailTokens.purpose, purpose), isNull(emailTokens.usedAt))
  return [lockUser(db, userId), db.delete(emailTokens).where(isEarlier), insertEmailToken(db, token)] as const
}

export function insertEmailToken(db: Database, token: typeof emailTokens.$inferInsert) {
  return db.insert(emailTokens).values(token)
}

/** Makes every link good for nothing that was sent to a user and not used yet; for a batch. */
export function deleteEmailTokens(db: Database, userId: string) {
  return db.delete(emailTokens).where(and(eq(emailTokens.userId, userId), isNull(emailTokens.usedAt)))
}

interface TokenUse {
  readonly purpose: EmailPurpose
  readonly tokenHash: Uint8Array
  readonly now: Date
}

/** The user that a token stands for, if it is still good; looking uses nothing up. */
export async function findTokenUser(db: Database, { purpose, tokenHash, now }: TokenUse) {
  const [row] = await db
    .select({
      id: users.id,
      email: users.email,
      name: users.name,
      emailVerifiedAt: users.emailVerifiedAt,
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
 * Uses a token up and does what it is for, in one statement of a batch. A token that is not good (used, expired, of
 * another purpose, for another address by now) undoes the whole batch with `invalid_token`, so of any number of uses at
 * once exactly one succeeds.
 *
 * @param effect assignments to the user `u`, who may refer to the token as `used`
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

/** What each purpose does to its user. A link that was opened proves the address it was sent to. */
export const EFFECTS = {
  verify: (now: Date) => sql`email_verified_at = coalesce(u.email_verified_at, ${now.toISOString()}::timestamptz)`,
  reset: (now: Date, passwordHash: string) =>
    sql`password_hash = ${passwordHash}, email_verified_at = coalesce(u.email_verified_at, ${now.toISOString()}::timestamptz)`,
  change: (now: Date) => sql`email = used.email, email_verified_at = ${now.toISOString()}::timestamptz`,
}

/** Ends the sessions of a user, all but one if one is named, and the sign-ins that wait for a code; for a batch. */
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
