import { and, desc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import { hasTwoFactor } from '../../auth/two-factor.ts'
import { requirement, requireThat, runBatch, type Statement } from '../../db/batch.ts'
import { lockUser } from '../../db/locks.ts'
import type { Database } from '../../db/orm.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { identities, type ProvidedIdentity, signInAttempts } from '../../db/schema/identities.ts'
import { users } from '../../db/schema/users.ts'
import { defaultOrganization } from '../sessions/home-organization.ts'
import { hasNoFactor } from '../two-factor/queries.ts'
import { hasWayIn, type Ways } from '../ways-in.ts'

export async function insertAttempt(db: Database, attempt: typeof signInAttempts.$inferInsert): Promise<void> {
  await db.insert(signInAttempts).values(attempt)
}

/** Claims a callback, so that it is processed once. @returns `undefined` for a state that is unknown, used or expired */
export async function claimCallback(db: Database, stateHash: Uint8Array, now: Date) {
  const { id, provider, secretsEncrypted, returnTo } = signInAttempts
  const [row] = await db
    .update(signInAttempts)
    .set({ calledBackAt: now })
    .where(
      and(
        eq(signInAttempts.stateHash, stateHash),
        isNull(signInAttempts.calledBackAt),
        gt(signInAttempts.expiresAt, now),
      ),
    )
    .returning({ id, provider, secretsEncrypted, returnTo })
  return row
}

/** Finds the page to return to if its callback came before, or too late. */
export async function findReturn(db: Database, stateHash: Uint8Array): Promise<string | undefined> {
  const [row] = await db
    .select({ returnTo: signInAttempts.returnTo })
    .from(signInAttempts)
    .where(eq(signInAttempts.stateHash, stateHash))
  return row?.returnTo
}

interface Answered {
  readonly codeHash: Uint8Array
  readonly identity: ProvidedIdentity
  readonly expiresAt: Date
}

export async function keepIdentity(db: Database, attemptId: string, answered: Answered): Promise<void> {
  await db.update(signInAttempts).set(answered).where(eq(signInAttempts.id, attemptId))
}

interface CodeUse {
  readonly codeHash: Uint8Array
  /** The challenge of the requesting page's verifier, without which the code does not work. */
  readonly challenge: string
  readonly now: Date
}

/** Finds who signed in, while the code is unused. {@link useCode} uses it, in the batch of its effects. */
export async function findByCode(db: Database, { codeHash, challenge, now }: CodeUse) {
  const { provider, identity } = signInAttempts
  const [row] = await db
    .select({ provider, identity })
    .from(signInAttempts)
    .where(
      and(
        eq(signInAttempts.codeHash, codeHash),
        eq(signInAttempts.codeChallenge, challenge),
        isNull(signInAttempts.usedAt),
        gt(signInAttempts.expiresAt, now),
      ),
    )
  return row?.identity ? { provider: row.provider, identity: row.identity } : undefined
}

/** Uses a code, in a batch. If it was used meanwhile, the batch rolls back with `invalid_sign_in`. */
export function useCode(db: Database, { codeHash, challenge, now }: CodeUse) {
  return db.execute(sql`
    with used as (
      update sign_in_attempts set used_at = ${now.toISOString()}::timestamptz, identity = null
      where code_hash = ${bytesParameter(codeHash)} and code_challenge = ${challenge} and used_at is null
      returning id
    )
    select ${requirement(sql`exists (select 1 from used)`, 'invalid_sign_in')}`)
}

/** Finds the account that an identity signs in to. */
export async function findByIdentity(db: Database, { issuer, subject }: ProvidedIdentity) {
  const [row] = await db
    .select({
      identityId: identities.id,
      id: users.id,
      userEmail: users.email,
      isActive: users.isActive,
      emailVerifiedAt: users.emailVerifiedAt,
      homeOrganizationId: defaultOrganization(sql`users.id`),
      hasTwoFactor: hasTwoFactor(sql`users.id`),
    })
    .from(identities)
    .innerJoin(users, eq(users.id, identities.userId))
    .where(and(eq(identities.issuer, issuer), eq(identities.subject, subject)))
  return row
}

export type SignedInBy = NonNullable<Awaited<ReturnType<typeof findByIdentity>>>

interface Use {
  /** The current id of its provider in the settings. */
  readonly provider: string
  readonly email: string | null
  readonly lastUsedAt: Date
}

/** Records the use of an identity, in the batch that opens its session. */
export const useIdentity = (db: Database, id: string, use: Use) =>
  db.update(identities).set(use).where(eq(identities.id, id))

/** Whether a sign-in with an identity still holds: it is linked, the account is active, and no second factor is required. */
export const stillSignsIn = (identityId: string, userId: string): SQL => sql`exists (
    select 1 from ${identities} i join ${users} u on u.id = i.user_id
    where i.id = ${identityId}::uuid and u.id = ${userId}::uuid and u.is_active)
  and ${hasNoFactor(userId)}`

type NewIdentity = typeof identities.$inferInsert

/**
 * Links an identity under the lock of its user.
 *
 * @param holds what must still be true
 * @throws the database's error for an identity that is linked already (`identities_subject_unique`)
 */
export async function linkIdentity(
  db: Database,
  identity: NewIdentity,
  { holds, also }: { readonly holds: Statement; readonly also: readonly Statement[] },
): Promise<void> {
  await runBatch(db, {
    lock: lockUser(db, identity.userId),
    holds,
    identity: insertIdentity(db, identity),
    also,
  })
}

export const insertIdentity = (db: Database, identity: NewIdentity) => db.insert(identities).values(identity)

/** Whether an account may be matched by address: the address is confirmed, so only its owner has the account. */
export const isConfirmedAs = (userId: string, email: string): SQL => sql`exists (
  select 1 from ${users} u
  where u.id = ${userId}::uuid and u.email = ${email} and u.email_verified_at is not null and u.is_active)`

export const isActive = (userId: string): SQL =>
  sql`exists (select 1 from ${users} u where u.id = ${userId}::uuid and u.is_active)`

const { id, provider, issuer, email, createdAt, lastUsedAt } = identities
const SHOWN = { id, provider, issuer, email, createdAt, lastUsedAt }

export type ShownIdentity = Awaited<ReturnType<typeof listIdentities>>[number]

/** Lists the identities of a user, newest first. */
export function listIdentities(db: Database, userId: string) {
  return db.select(SHOWN).from(identities).where(eq(identities.userId, userId)).orderBy(desc(createdAt), desc(id))
}

export async function findOwnIdentity(db: Database, userId: string, identityId: string) {
  const [row] = await db
    .select(SHOWN)
    .from(identities)
    .where(and(eq(identities.id, identityId), eq(identities.userId, userId)))
  return row
}

/**
 * Unlinks an identity under the lock of its user.
 *
 * @throws Problem `last_way_in`
 */
export async function deleteIdentity(
  db: Database,
  { userId, identityId, ways }: { readonly userId: string; readonly identityId: string; readonly ways: Ways },
  also: readonly Statement[],
): Promise<void> {
  await runBatch(db, {
    lock: lockUser(db, userId),
    others: requireThat(db, hasWayIn(userId, ways, identityId), 'last_way_in'),
    identity: db.delete(identities).where(and(eq(identities.id, identityId), eq(identities.userId, userId))),
    also,
  })
}
