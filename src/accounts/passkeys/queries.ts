import { and, desc, eq, sql } from 'drizzle-orm'
import { requirement, requireThat, runBatch, type Statement } from '../../db/batch.ts'
import { holds } from '../../db/conditions.ts'
import { lockUser } from '../../db/locks.ts'
import type { Database } from '../../db/orm.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { passkeyChallenges, passkeys } from '../../db/schema/passkeys.ts'
import { users } from '../../db/schema/users.ts'
import { defaultOrganization } from '../sessions/home-organization.ts'
import { hasWayIn, type Ways } from '../ways-in.ts'

/** More than the devices and password managers that anybody has. */
const MAX_PASSKEYS = 20

export async function insertChallenge(db: Database, challenge: typeof passkeyChallenges.$inferInsert): Promise<void> {
  await db.insert(passkeyChallenges).values(challenge)
}

interface ChallengeUse {
  readonly challengeHash: Uint8Array
  readonly purpose: 'register' | 'sign_in' | 'prove'
  readonly userId: string | null
  readonly now: Date
}

const isChallenge = ({ challengeHash, purpose, userId, now }: ChallengeUse) => sql`
  challenge_hash = ${bytesParameter(challengeHash)} and purpose = ${purpose}
  and user_id is not distinct from ${userId}::uuid and expires_at > ${now.toISOString()}::timestamptz`

/** Whether the challenge exists. */
export const hasChallenge = (db: Database, use: ChallengeUse): Promise<boolean> =>
  holds(db, sql`exists (select 1 from passkey_challenges where ${isChallenge(use)})`)

/** Deletes a challenge. */
export const deleteChallenge = (db: Database, use: ChallengeUse) =>
  db.execute(sql`delete from passkey_challenges where ${isChallenge(use)}`)

/** Uses a challenge, in a batch. If it was used meanwhile, the batch rolls back with `invalid_passkey`. */
export function useChallenge(db: Database, use: ChallengeUse) {
  return db.execute(sql`
    with used as (delete from passkey_challenges where ${isChallenge(use)} returning id)
    select ${requirement(sql`exists (select 1 from used)`, 'invalid_passkey')}`)
}

/** Finds a passkey, and the account that it signs in to. */
export async function findPasskey(db: Database, credentialId: Uint8Array, rpId: string) {
  const [row] = await db
    .select({
      id: passkeys.id,
      userId: passkeys.userId,
      publicKey: passkeys.publicKey,
      counter: passkeys.counter,
      isActive: users.isActive,
      emailVerifiedAt: users.emailVerifiedAt,
      homeOrganizationId: defaultOrganization(sql`users.id`),
    })
    .from(passkeys)
    .innerJoin(users, eq(users.id, passkeys.userId))
    .where(and(eq(passkeys.credentialId, credentialId), eq(passkeys.rpId, rpId)))
  return row
}

export type FoundPasskey = NonNullable<Awaited<ReturnType<typeof findPasskey>>>

interface Use {
  readonly counter: number
  readonly isSynced: boolean
  readonly now: Date
}

/**
 * Records a use, in the batch that it authorizes. If the passkey was removed meanwhile, or another use has already reached its
 * counter, the batch rolls back with `invalid_passkey`.
 */
export function usePasskey(db: Database, id: string, { counter, isSynced, now }: Use) {
  return db.execute(sql`
    with used as (
      update passkeys set counter = ${counter}::bigint, is_synced = ${isSynced}, last_used_at = ${now.toISOString()}::timestamptz
      where id = ${id}::uuid and (counter < ${counter}::bigint or (counter = 0 and ${counter}::bigint = 0))
      returning id
    )
    select ${requirement(sql`exists (select 1 from used)`, 'invalid_passkey')}`)
}

/** Adds a passkey under the lock of its user. @throws the database's error if it is known (`passkeys_credential_unique`) */
export async function insertPasskey(
  db: Database,
  passkey: typeof passkeys.$inferInsert,
  also: readonly Statement[],
): Promise<void> {
  const { userId } = passkey
  await runBatch(db, {
    lock: lockUser(db, userId),
    active: requireThat(
      db,
      sql`exists (select 1 from users u where u.id = ${userId}::uuid and u.is_active)`,
      'unauthenticated',
    ),
    room: requireThat(
      db,
      sql`(select count(*) from passkeys where user_id = ${userId}::uuid) < ${MAX_PASSKEYS}::int`,
      'passkey_limit_reached',
    ),
    passkey: db.insert(passkeys).values(passkey),
    also,
  })
}

const { id, name, rpId, isSynced, createdAt, lastUsedAt } = passkeys
const SHOWN = { id, name, rpId, isSynced, createdAt, lastUsedAt }

export type ShownPasskey = Awaited<ReturnType<typeof listPasskeys>>[number]

/** Lists the passkeys of a user, newest first. */
export function listPasskeys(db: Database, userId: string) {
  return db.select(SHOWN).from(passkeys).where(eq(passkeys.userId, userId)).orderBy(desc(createdAt), desc(id))
}

/** Lists the credential ids with which browsers find a user's passkeys of a relying party. */
export function listCredentials(db: Database, userId: string, rpId: string) {
  return db
    .select({ credentialId: passkeys.credentialId, transports: passkeys.transports })
    .from(passkeys)
    .where(and(eq(passkeys.userId, userId), eq(passkeys.rpId, rpId)))
}

const ofUser = (userId: string, passkeyId: string) => and(eq(passkeys.id, passkeyId), eq(passkeys.userId, userId))

/** @returns `undefined` if the user has no such passkey */
export async function findOwnPasskey(
  db: Database,
  userId: string,
  passkeyId: string,
): Promise<ShownPasskey | undefined> {
  const [row] = await db.select(SHOWN).from(passkeys).where(ofUser(userId, passkeyId))
  return row
}

export const updatePasskeyName = (db: Database, userId: string, passkeyId: string, name: string) =>
  db.update(passkeys).set({ name }).where(ofUser(userId, passkeyId))

/** Whether the second factor can do without a passkey: there is none, it has an app, or another passkey works. */
const isDispensable = (userId: string, passkeyId: string, rpId: string) => sql`not exists (
  select 1 from totp_credentials t where t.user_id = ${userId}::uuid and t.enabled_at is not null
    and t.secret_encrypted is null)
  or exists (select 1 from passkeys p where p.user_id = ${userId}::uuid and p.id <> ${passkeyId}::uuid
    and p.rp_id = ${rpId})`

/** Removes a passkey under the lock of its user. @throws Problem `passkey_is_second_factor`, `last_way_in` */
export async function deletePasskey(
  db: Database,
  { userId, passkeyId, ways }: { readonly userId: string; readonly passkeyId: string; readonly ways: Ways },
  also: readonly Statement[],
): Promise<void> {
  await runBatch(db, {
    lock: lockUser(db, userId),
    factor: requireThat(db, isDispensable(userId, passkeyId, ways.rpId), 'passkey_is_second_factor'),
    others: requireThat(db, hasWayIn(userId, ways, passkeyId), 'last_way_in'),
    passkey: db.delete(passkeys).where(ofUser(userId, passkeyId)),
    also,
  })
}

/** Records that a session's owner has just proved their presence. */
export const updateReauthenticated = (db: Database, sessionId: string, now: Date) =>
  db.execute(sql`
  update sessions set reauthenticated_at = ${now.toISOString()}::timestamptz where id = ${sessionId}::uuid`)
