import { eq, type SQL, sql } from 'drizzle-orm'
import { clearUnconfirmed } from '../../src/accounts/email/clear-account.ts'
import { deleteEmailTokens, endSessions } from '../../src/accounts/email/queries.ts'
import { hashPassword } from '../../src/accounts/passwords/hash.ts'
import { endSessions as endSupportSessions } from '../../src/admin/users/queries.ts'
import type { AuditAction } from '../../src/audit/actions.ts'
import { requireThat, tryBatch } from '../../src/db/batch.ts'
import { lockOrganizationsAround, lockUser } from '../../src/db/locks.ts'
import type { Database } from '../../src/db/orm.ts'
import { auditLogs } from '../../src/db/schema/audit.ts'
import { users } from '../../src/db/schema/users.ts'
import { insertDeliveries } from '../../src/events/publish.ts'
import { revokeApplications } from '../../src/keys/applications.ts'
import { base64url, randomBytes } from '../../src/lib/bytes.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { ensureOwner } from './seed-data.ts'

interface Appointment {
  readonly platformId: string
  readonly email: string
  /**
   * Sets a new password for a known user, and ends their sessions, email links and applications. An account that
   * registered itself and never confirmed its address also loses its API keys, factors and identities.
   */
  readonly resetsPassword: boolean
}

interface Appointed {
  /** Absent if the user keeps their password. */
  readonly password?: string
  /** The number of revoked API keys, including those of applications. */
  readonly revokedKeys: number
}

/**
 * Makes a known or new user an owner of the platform organization, and writes an audit row.
 *
 * @throws Error if the account is disabled or changes meanwhile; without `resetsPassword`, also if it may belong to a
 *   stranger
 */
export async function appoint(db: Database, appointment: Appointment): Promise<Appointed> {
  const { email, resetsPassword } = appointment
  const known = await findAccount(db, email)
  if (!known) return create(db, appointment)
  if (!known.isActive) throw new Error(`${email} is a disabled account. Another administrator can enable it.`)
  if (resetsPassword) return reset(db, appointment, known.id)
  if (known.isSelfRegistered && known.emailVerifiedAt === null) throw new Error(maybeStranger(email))
  return keep(db, appointment, known.id)
}

const maybeStranger = (email: string) =>
  `${email} registered itself and never confirmed the address, so the account may be a stranger's. ` +
  `Its owner can confirm the address or reset the password by email. Or run the command again with --reset-password: ` +
  `it removes what was created in the account, ends its sessions and sets a new password.`

async function findAccount(db: Database, email: string) {
  const { id, isActive, isSelfRegistered, emailVerifiedAt } = users
  const [known] = await db
    .select({ id, isActive, isSelfRegistered, emailVerifiedAt })
    .from(users)
    .where(eq(users.email, email))
  return known
}

async function create(db: Database, appointment: Appointment): Promise<Appointed> {
  const id = uuidv7(Date.now())
  const { password, passwordHash } = await newPassword()
  const { email } = appointment
  const account = { id, email, passwordHash, emailVerifiedAt: new Date(), isSelfRegistered: false }
  await db.batch([db.insert(users).values(account), ...appointed(db, appointment, id, { password: 'new' })])
  return { password, revokedKeys: 0 }
}

async function keep(db: Database, appointment: Appointment, id: string): Promise<Appointed> {
  const done = await tryBatch(db, {
    locks: [lockOrganizationsAround(db, id), lockUser(db, id)],
    same: requireThat(db, isTheSame(id, appointment, sql`(email_verified_at is not null or not is_self_registered)`)),
    appointed: appointed(db, appointment, id, { password: 'kept' }),
  })
  if (!done) throw new Error(`${appointment.email} changed meanwhile. Run the command again.`)
  return { revokedKeys: 0 }
}

/**
 * Does the same as a password reset by email, and also ends the support sessions that the user opened. A confirmed
 * account keeps its second factor.
 */
async function reset(db: Database, appointment: Appointment, id: string): Promise<Appointed> {
  const { password, passwordHash } = await newPassword()
  const now = new Date()
  const account = { passwordHash, emailVerifiedAt: sql`coalesce(email_verified_at, now())`, updatedAt: now }
  const done = await tryBatch(db, {
    locks: [lockOrganizationsAround(db, id), lockUser(db, id)],
    same: requireThat(db, isTheSame(id, appointment, sql`true`)),
    ...clearUnconfirmed(db, { id, email: appointment.email }, now, (happening) =>
      db.execute(insertDeliveries(now.getTime(), happening)),
    ),
    account: db.update(users).set(account).where(eq(users.id, id)),
    tokens: deleteEmailTokens(db, id),
    sessions: endSessions(db, id, 'password_reset', { now }),
    support: endSupportSessions(db, id, 'password_reset', now),
    ...revokeApplications(db, { userId: id, now }),
    appointed: appointed(db, appointment, id, { password: 'reset' }),
  })
  if (!done) throw new Error(`${appointment.email} changed meanwhile. Run the command again.`)
  return { password, revokedKeys: done.revokedKeys.length + done.revokedApplications.length }
}

const isTheSame = (id: string, { email }: Appointment, condition: SQL) =>
  sql`exists (select 1 from users where id = ${id}::uuid and email = ${email} and is_active and ${condition})`

/** Statements that add the membership and the audit row. */
function appointed(db: Database, { platformId }: Appointment, userId: string, detail: Record<string, unknown>) {
  const action: AuditAction = 'admin.appointed'
  const now = new Date()
  const row = { id: uuidv7(now.getTime()), organizationId: platformId, actorType: 'system', createdAt: now } as const
  return [
    ensureOwner(db, platformId, userId),
    db.insert(auditLogs).values({ ...row, action, targetType: 'user', targetId: userId, result: 'success', detail }),
  ] as const
}

async function newPassword() {
  const password = base64url(randomBytes(15))
  return { password, passwordHash: await hashPassword(password) }
}
