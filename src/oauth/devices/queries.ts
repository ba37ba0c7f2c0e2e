import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { oauthClients, oauthDevices } from '../../db/schema/oauth.ts'

export type DeviceRow = typeof oauthDevices.$inferSelect

/** @returns whether the user code is unique */
export async function insertDevice(db: Database, device: DeviceRow): Promise<boolean> {
  const rows = await db
    .insert(oauthDevices)
    .values(device)
    .onConflictDoNothing({ target: oauthDevices.userCode })
    .returning({ clientId: oauthDevices.clientId })
  return rows.length > 0
}

export async function findDevice(db: Database, deviceHash: Uint8Array): Promise<DeviceRow | undefined> {
  const [row] = await db.select().from(oauthDevices).where(eq(oauthDevices.deviceHash, deviceHash))
  return row
}

const isOpen = (userCode: string, at: Date) =>
  and(eq(oauthDevices.userCode, userCode), isNull(oauthDevices.decision), gt(oauthDevices.expiresAt, at))

/** The device that waits under a code, and its application. */
export async function findWaiting(db: Database, userCode: string, at: Date) {
  const [row] = await db
    .select({ device: oauthDevices, client: oauthClients })
    .from(oauthDevices)
    .innerJoin(oauthClients, eq(oauthClients.id, oauthDevices.clientId))
    .where(isOpen(userCode, at))
  return row
}

type Decided = Pick<DeviceRow, 'decision' | 'userId' | 'organizationId' | 'scopes'>

/** @returns whether it was undecided before */
export async function decideDevice(db: Database, userCode: string, at: Date, decided: Decided): Promise<boolean> {
  const rows = await db
    .update(oauthDevices)
    .set(decided)
    .where(isOpen(userCode, at))
    .returning({ clientId: oauthDevices.clientId })
  return rows.length > 0
}

/** Whether a user has made this decision about a device, and its code has not expired. */
export async function isDecided(
  db: Database,
  userCode: string,
  at: Date,
  { decision, userId }: Pick<DeviceRow, 'decision' | 'userId'>,
): Promise<boolean> {
  const { rows } = await db.execute(sql`
    select 1 from oauth_devices where user_code = ${userCode} and decision = ${decision} and user_id = ${userId}::uuid
      and expires_at > ${at.toISOString()}::timestamptz`)
  return rows.length > 0
}

export const noteQuestion = (
  db: Database,
  { deviceHash }: DeviceRow,
  asked: Pick<DeviceRow, 'askedAt' | 'intervalSeconds'>,
) => db.update(oauthDevices).set(asked).where(eq(oauthDevices.deviceHash, deviceHash))

/** Whether no tokens were issued to a device yet. Evaluated under the organization's lock. */
export const isUnused = (deviceHash: Uint8Array) => sql`exists (
  select 1 from oauth_devices where device_hash = ${bytesParameter(deviceHash)} and decision = 'approve' and grant_id is null)`

export const useDevice = (db: Database, deviceHash: Uint8Array, grantId: string) =>
  db.update(oauthDevices).set({ grantId }).where(eq(oauthDevices.deviceHash, deviceHash))
