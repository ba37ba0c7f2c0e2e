import { and, desc, eq, getTableColumns, isNull, or, sql } from 'drizzle-orm'
import { isCharged } from '../billing/subscriptions/is-charged.ts'
import { runBatch } from '../db/batch.ts'
import type { Database } from '../db/orm.ts'
import { sessions } from '../db/schema/accounts.ts'
import { auditLogs } from '../db/schema/audit.ts'
import { directoryUsers } from '../db/schema/directories.ts'
import { apiKeys, apiKeyUsage } from '../db/schema/keys.ts'
import { memberships, organizations } from '../db/schema/organizations.ts'
import { monthlyUsage } from '../db/schema/rollups.ts'
import { users } from '../db/schema/users.ts'

/** The maximum number of rows of each kind in an export; of sessions, keys, audit rows and usage, the newest. */
const MAX_ROWS = 1_000
const MAX_AUDIT_ROWS = 5_000

/** Whether only the user belongs to the organization `o` of the surrounding query. */
const isAloneIn = (userId: string) => sql`not exists (
  select 1 from memberships m where m.organization_id = o.id and m.user_id <> ${userId}::uuid)`

/** Organizations that are deleted with the user: created for that person, and without other members. */
export const ownedAlone = (userId: string) => sql`(
  select o.id from organizations o join memberships mine on mine.organization_id = o.id
  where mine.user_id = ${userId}::uuid and mine.role = 'owner' and o.is_personal and ${isAloneIn(userId)})`

/** The ids of {@link ownedAlone}. */
export async function listOwnedAlone(db: Database, userId: string): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`select id from ${ownedAlone(userId)} own order by id`)
  return rows.map(({ id }) => id)
}

/** The other organizations that a user belongs to. */
export const keptOrganizations = (userId: string) => sql`(
  select m.organization_id as id from memberships m
  where m.user_id = ${userId}::uuid and m.organization_id not in ${ownedAlone(userId)})`

/** Organizations that would remain without an active owner if the user left. */
const ownerless = (userId: string) => sql`
  select o.id, o.name from organizations o join memberships mine on mine.organization_id = o.id
  where mine.user_id = ${userId}::uuid and mine.role = 'owner'
    and not (o.is_personal and ${isAloneIn(userId)})
    and not exists (select 1 from memberships m join users u on u.id = m.user_id
      where m.organization_id = o.id and m.user_id <> ${userId}::uuid and m.role = 'owner' and u.is_active)`

/** Organizations that would be deleted with the user although a subscription is still charged. */
const paidFor = (userId: string) => sql`
  select o.id, o.name from organizations o where o.id in ${ownedAlone(userId)} and ${isCharged(sql`o.id`)}`

/** Whether a user exists and may be deleted; evaluated inside the batch, after `lockOwnOrganizations`. */
export const canBeDeleted = (userId: string) => sql`(
  exists (select 1 from users u where u.id = ${userId}::uuid) and not exists (${ownerless(userId)})
  and not exists (${paidFor(userId)}))`

export async function listOwnerless(db: Database, userId: string) {
  return (await db.execute<{ id: string; name: string }>(sql`${ownerless(userId)} order by o.id`)).rows
}

export async function listPaidFor(db: Database, userId: string) {
  return (await db.execute<{ id: string; name: string }>(sql`${paidFor(userId)} order by o.id`)).rows
}

/** Clears the creator of the user's keys in organizations that remain; raises their versions, because verdicts show it. */
export function detachKeys(db: Database, userId: string) {
  return db
    .update(apiKeys)
    .set({ createdBy: null, version: sql`${apiKeys.version} + 1` })
    .where(
      and(
        eq(apiKeys.createdBy, userId),
        isNull(apiKeys.revokedAt),
        sql`${apiKeys.organizationId} not in ${ownedAlone(userId)}`,
      ),
    )
    .returning({ id: apiKeys.id, version: apiKeys.version })
}

/** Deletes the organizations that are deleted with a user, and everything in them. Usage totals and the audit log stay. */
export function deleteOwnOrganizations(db: Database, userId: string) {
  return db
    .delete(organizations)
    .where(sql`${organizations.id} in ${ownedAlone(userId)}`)
    .returning({ id: organizations.id, version: organizations.version })
}

/** Deletes a user with their sessions, factors, tokens and memberships. */
export function deleteUser(db: Database, userId: string) {
  return db.delete(users).where(eq(users.id, userId))
}

const { keyHash: _secret, ...keyColumns } = getTableColumns(apiKeys)

/** Selects everything stored about a user except their profile, with a bound for each kind. */
export async function selectEverythingAbout(db: Database, userId: string) {
  const mine = sql`(select organization_id from memberships where user_id = ${userId}::uuid)`
  return runBatch(db, {
    directories: db
      .select({
        organizationId: directoryUsers.organizationId,
        userName: directoryUsers.userName,
        externalId: directoryUsers.externalId,
        attributes: directoryUsers.attributes,
        createdAt: directoryUsers.createdAt,
      })
      .from(directoryUsers)
      .where(eq(directoryUsers.userId, userId))
      .limit(MAX_ROWS),
    belongsTo: db
      .select({
        organizationId: memberships.organizationId,
        organizationName: organizations.name,
        role: memberships.role,
        createdAt: memberships.createdAt,
      })
      .from(memberships)
      .innerJoin(organizations, eq(organizations.id, memberships.organizationId))
      .where(eq(memberships.userId, userId))
      .limit(MAX_ROWS),
    devices: db.select().from(sessions).where(eq(sessions.userId, userId)).orderBy(desc(sessions.id)).limit(MAX_ROWS),
    keys: db
      .select({ ...keyColumns, totalRequests: apiKeyUsage.totalRequests, lastUsedAt: apiKeyUsage.lastUsedAt })
      .from(apiKeys)
      .leftJoin(apiKeyUsage, eq(apiKeyUsage.keyId, apiKeys.id))
      .where(eq(apiKeys.createdBy, userId))
      .orderBy(desc(apiKeys.id))
      .limit(MAX_ROWS),
    acts: db
      .select()
      .from(auditLogs)
      .where(or(eq(auditLogs.actorId, userId), and(eq(auditLogs.targetType, 'user'), eq(auditLogs.targetId, userId))))
      .orderBy(desc(auditLogs.createdAt), desc(auditLogs.id))
      .limit(MAX_AUDIT_ROWS),
    usage: db
      .select()
      .from(monthlyUsage)
      .where(sql`${monthlyUsage.organizationId} in ${mine}`)
      .orderBy(desc(monthlyUsage.month))
      .limit(MAX_ROWS),
  })
}

export type Everything = Awaited<ReturnType<typeof selectEverythingAbout>>
