import { and, eq, isNull, sql } from 'drizzle-orm'
import type { AuditRow } from '../audit/record.ts'
import { administrates } from '../auth/administrators.ts'
import { hasTwoFactor } from '../auth/two-factor.ts'
import { requireThat, runBatch, type Statement, tryBatch } from '../db/batch.ts'
import { lockUser } from '../db/locks.ts'
import type { Database } from '../db/orm.ts'
import { refreshTokens, sessions, totpCredentials } from '../db/schema/accounts.ts'
import { memberships, organizations, roles } from '../db/schema/organizations.ts'
import { users } from '../db/schema/users.ts'
import { endSessions } from './email/queries.ts'
import { defaultOrganization } from './sessions/home-organization.ts'

/** The account data that a login needs. */
export async function findUserByEmail(db: Database, email: string) {
  const [row] = await db
    .select({
      id: users.id,
      passwordHash: users.passwordHash,
      isActive: users.isActive,
      knownAddresses,
      emailVerifiedAt: users.emailVerifiedAt,
      isSelfRegistered: users.isSelfRegistered,
      homeOrganizationId: defaultOrganization(sql`users.id`),
      hasTwoFactor: hasTwoFactor(sql`users.id`),
    })
    .from(users)
    .where(eq(users.email, email))
  return row
}

/**
 * Networks from which the user signed in recently, without support sessions. The outer column is spelled out,
 * because drizzle would omit its table.
 */
const knownAddresses = sql<string[]>`(
  select coalesce(json_agg(distinct lately.ip), '[]'::json) from (
    select s.ip from ${sessions} s
    where s.user_id = users.id and s.ip is not null and s.impersonator_id is null
    order by s.created_at desc limit 100) lately)`

/** Finds the known addresses of the user with an email address; none if there is no such user. */
export async function findKnownAddresses(db: Database, email: string): Promise<readonly string[]> {
  const [row] = await db.select({ knownAddresses }).from(users).where(eq(users.email, email))
  return row?.knownAddresses ?? []
}

/**
 * Stores another hash of the same password, unless another request was faster.
 *
 * @returns the hash that is stored afterwards
 */
export async function replacePasswordHash(
  db: Database,
  userId: string,
  old: string,
  renewed: string,
): Promise<string | null> {
  const ofUser = eq(users.id, userId)
  const { stored } = await runBatch(db, {
    update: db
      .update(users)
      .set({ passwordHash: renewed })
      .where(and(ofUser, eq(users.passwordHash, old))),
    stored: db.select({ passwordHash: users.passwordHash }).from(users).where(ofUser),
  })
  return stored[0]?.passwordHash ?? null
}

/** A user as others may see them, in one of their organizations. */
export async function selectProfile(db: Database, userId: string, organizationId: string | null) {
  const [row] = await db
    .select({
      id: users.id,
      email: users.email,
      name: users.name,
      isActive: users.isActive,
      emailVerifiedAt: users.emailVerifiedAt,
      createdAt: users.createdAt,
      updatedAt: users.updatedAt,
      passwordHash: users.passwordHash,
      organizationId: memberships.organizationId,
      role: memberships.role,
      rolePermissions: roles.permissions,
      planId: organizations.planId,
      twoFactorEnabledAt: totpCredentials.enabledAt,
      isAdministrator: administrates(sql`users.id`),
    })
    .from(users)
    .leftJoin(
      memberships,
      and(eq(memberships.userId, users.id), eq(memberships.organizationId, sql`${organizationId}::uuid`)),
    )
    .leftJoin(organizations, eq(organizations.id, memberships.organizationId))
    .leftJoin(roles, and(eq(roles.organizationId, memberships.organizationId), eq(roles.name, memberships.role)))
    .leftJoin(totpCredentials, eq(totpCredentials.userId, users.id))
    .where(eq(users.id, userId))
  return row
}

export type Profile = NonNullable<Awaited<ReturnType<typeof selectProfile>>>

interface NewUser {
  readonly user: typeof users.$inferInsert
  readonly organization: typeof organizations.$inferInsert
}

/**
 * Inserts a user, their organization and their ownership of it: all or nothing.
 *
 * @param also further statements of the batch, such as the email about it
 * @returns whether it was inserted: `also` may abort the batch
 */
export async function insertUser(
  db: Database,
  { user, organization }: NewUser,
  also: readonly Statement[] = [],
): Promise<boolean> {
  const done = await tryBatch(db, {
    organization: db.insert(organizations).values(organization),
    user: db.insert(users).values(user),
    membership: db.insert(memberships).values({ organizationId: organization.id, userId: user.id, role: 'owner' }),
    also,
  })
  return done !== undefined
}

interface NewSession {
  readonly session: typeof sessions.$inferInsert
  readonly token: typeof refreshTokens.$inferInsert
}

/**
 * Inserts a session under the lock of its user, so that a request that ends sessions runs entirely before or after it.
 *
 * @param first the requirements of the sign-in, the secrets that it uses up, and its audit row
 */
export async function insertSession(
  db: Database,
  { session, token }: NewSession,
  first: readonly Statement[],
): Promise<void> {
  const { userId } = session
  await runBatch(db, {
    lock: lockUser(db, userId),
    first, // refuses a deleted user; inserting the session would be a database error
    session: db.insert(sessions).values(session),
    token: db.insert(refreshTokens).values(token),
  })
}

/** The organization of a new session: the user's personal one, else the one they joined first. */
export async function selectHomeOrganization(db: Database, userId: string): Promise<string | null> {
  const { rows } = await db.execute<{ id: string | null }>(
    sql`select ${defaultOrganization(sql`${userId}::uuid`)} as id`,
  )
  return rows[0]?.id ?? null
}

export function updateUserName(db: Database, userId: string, name: string | null) {
  return db.update(users).set({ name }).where(eq(users.id, userId))
}

/** Whether a user's password hash is unchanged. */
const hasPassword = (userId: string, hash: string | null) => sql`exists (
  select 1 from users where id = ${userId}::uuid and password_hash = ${hash})`

/**
 * Sets a password and ends every other session of the user, in one step.
 *
 * @param from the hash that the password matched; if it has changed, the batch fails with `wrong_password`
 * @param row its audit row
 * @param also further statements of the batch, such as the notice about it
 * @throws Problem `wrong_password`
 */
export async function updatePassword(
  db: Database,
  user: OfSession,
  { from, to }: { readonly from: string | null; readonly to: string },
  { now, row, also }: { readonly now: Date; readonly row: AuditRow; readonly also: readonly Statement[] },
): Promise<void> {
  await runBatch(db, {
    lock: lockUser(db, user.userId),
    unchanged: requireThat(db, hasPassword(user.userId, from), 'wrong_password'),
    audit: row,
    password: db.update(users).set({ passwordHash: to }).where(eq(users.id, user.userId)),
    sessions: endSessions(db, user.userId, 'password_changed', { now, except: user.sessionId }),
    also,
  })
}

interface OfSession {
  readonly userId: string
  readonly sessionId: string
}

interface Ending {
  readonly reason: string
  readonly now: Date
  /** Statements that happen if and only if the session ends, such as the audit row. */
  readonly also: readonly Statement[]
}

/** @returns whether the session was still live; of concurrent calls, one ends it */
export async function endSession(
  db: Database,
  { userId, sessionId }: OfSession,
  { reason, now, also }: Ending,
): Promise<boolean> {
  const isOne = and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isNull(sessions.endedAt))
  const done = await tryBatch(db, {
    lock: lockUser(db, userId),
    live: requireThat(db, sql`exists (${db.select({ id: sessions.id }).from(sessions).where(isOne)})`),
    session: db.update(sessions).set({ endedAt: now, endReason: reason }).where(isOne),
    also,
  })
  return done !== undefined
}
