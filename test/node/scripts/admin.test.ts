import { and, eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { seedFoundation } from '../../../local/support/seed-data.ts'
import { newAccount } from '../../../src/accounts/new-account.ts'
import { passwordMatches } from '../../../src/accounts/passwords/hash.ts'
import { type Database, ormOver } from '../../../src/db/orm.ts'
import { backupCodes, emailTokens, sessions } from '../../../src/db/schema/accounts.ts'
import { auditLogs } from '../../../src/db/schema/audit.ts'
import { identities } from '../../../src/db/schema/identities.ts'
import { apiKeys } from '../../../src/db/schema/keys.ts'
import { memberships, organizations } from '../../../src/db/schema/organizations.ts'
import { users } from '../../../src/db/schema/users.ts'
import { sha256 } from '../../../src/lib/bytes.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { migratedDatabase, runScript } from './support.ts'

const EMAIL = 'ops@company.com'
const LATER = new Date(Date.now() + 3_600_000)

let database: Awaited<ReturnType<typeof migratedDatabase>>
let db: Database
let platformId: string

beforeAll(async () => {
  database = await migratedDatabase()
  db = ormOver(database.sql)
})

afterAll(() => database.close())

beforeEach(async () => {
  await database.sql.query('truncate plans, organizations, users cascade')
  platformId = (await seedFoundation(database.sql)).platformId
})

const admin = (more = '') => runScript(`admin --email ${EMAIL}${more}`, database.env)

/** An account with a session, an email link, a key, a backup code and a linked identity. */
async function account(fields: Partial<typeof users.$inferInsert> = {}) {
  const { user, organization } = newAccount({ email: EMAIL }, Date.now())
  const [userId, organizationId] = [user.id, organization.id]
  const hash = sha256(userId)
  await db.batch([
    db.insert(users).values({ ...user, ...fields }),
    db.insert(organizations).values(organization),
    db.insert(memberships).values({ organizationId, userId, role: 'owner' }),
    db.insert(sessions).values({ id: userId, userId, organizationId, expiresAt: LATER }),
    db
      .insert(emailTokens)
      .values({ id: userId, userId, purpose: 'verify', tokenHash: hash, email: EMAIL, expiresAt: LATER }),
    db.insert(apiKeys).values({
      id: userId,
      organizationId,
      createdBy: userId,
      name: 'One',
      keyHash: hash,
      keyPrefix: 'ck',
      keyHint: 'ck_live_1…2345',
      environment: 'live',
      scopes: [],
    }),
    db.insert(backupCodes).values({ id: userId, userId, codeHash: hash }),
    db.insert(identities).values({ id: userId, userId, provider: 'google', issuer: 'google', subject: userId }),
  ])
  return userId
}

/** Counts the credentials that work in a user's name. */
async function waysIn(userId: string) {
  const count = async (rows: PromiseLike<unknown[]>) => (await rows).length
  return {
    sessions: await count(db.select().from(sessions).where(sql`user_id = ${userId}::uuid and ended_at is null`)),
    links: await count(db.select().from(emailTokens).where(eq(emailTokens.userId, userId))),
    keys: await count(db.select().from(apiKeys).where(sql`created_by = ${userId}::uuid and revoked_at is null`)),
    codes: await count(db.select().from(backupCodes).where(eq(backupCodes.userId, userId))),
    identities: await count(db.select().from(identities).where(eq(identities.userId, userId))),
  }
}
const ALL = { sessions: 1, links: 1, keys: 1, codes: 1, identities: 1 }

const appointments = (userId: string) =>
  db
    .select({ organization: auditLogs.organizationId, detail: auditLogs.detail })
    .from(auditLogs)
    .where(and(eq(auditLogs.action, 'admin.appointed'), eq(auditLogs.targetId, userId)))

const owns = (userId: string) =>
  db.select().from(memberships).where(sql`user_id = ${userId}::uuid and organization_id = ${platformId}::uuid`)

async function passwordHashOf(userId: string) {
  const [row] = await db.select().from(users).where(eq(users.id, userId))
  return row?.passwordHash ?? ''
}

describe('npm run admin', { timeout: 30_000 }, () => {
  test('refuses an account that registered itself and never confirmed its address, and says what to do', async () => {
    const userId = await account({ passwordHash: 'theirs' })

    const { code, stderr } = await admin()

    expect([code, stderr]).toEqual([1, expect.stringMatching(/^ops@company\.com .*never confirmed.*--reset-password/)])
    expect(await owns(userId)).toEqual([])
    expect(await waysIn(userId)).toEqual(ALL)
    expect(await appointments(userId)).toEqual([])
  })

  test('with --reset-password, removes everything that was created in such an account', async () => {
    const userId = await account({ passwordHash: 'theirs' })

    const { code, stdout } = await admin(' --reset-password')

    const [, password = ''] = /Password, shown this once: (\S+)/.exec(stdout) ?? []
    expect([code, await passwordMatches(password, await passwordHashOf(userId))]).toEqual([0, true])
    expect(stdout).toContain('One API key was revoked. Running Workers refuse revoked keys within 25 seconds.')
    expect(await owns(userId)).toMatchObject([{ role: 'owner' }])
    expect(await waysIn(userId)).toEqual({ sessions: 0, links: 0, keys: 0, codes: 0, identities: 0 })
    expect(await appointments(userId)).toEqual([{ organization: platformId, detail: { password: 'reset' } }])
    expect((await db.select().from(users).where(eq(users.id, userId)))[0]?.emailVerifiedAt).not.toBeNull()
  })

  test('with --reset-password, ends the sessions and links of a confirmed account, and keeps its factors and keys', async () => {
    const userId = await account({ emailVerifiedAt: new Date() })
    const id = uuidv7(Date.now())
    await db.insert(users).values({ id, email: 'customer@example.com' })
    await db.insert(sessions).values({ id, userId: id, impersonatorId: userId, expiresAt: LATER })

    expect((await admin(' --reset-password')).stdout).not.toContain('revoked')

    expect(await waysIn(userId)).toEqual({ ...ALL, sessions: 0, links: 0 })
    expect((await waysIn(id)).sessions).toBe(0) // the support session that the user opened
  })

  test('makes an account that the operator created an owner, although its address is not confirmed, and changes nothing else', async () => {
    const userId = await account({ emailVerifiedAt: null, isSelfRegistered: false })
    expect(await admin()).toMatchObject({ code: 0, stderr: '' })
    expect(await owns(userId)).toMatchObject([{ role: 'owner' }])
    expect(await waysIn(userId)).toEqual(ALL)
    expect(await appointments(userId)).toMatchObject([{ detail: { password: 'kept' } }])
  })

  test('refuses a disabled account and does not enable it', async () => {
    const userId = await account({ emailVerifiedAt: new Date(), isActive: false })
    for (const more of ['', ' --reset-password'])
      expect(await admin(more)).toMatchObject({ code: 1, stderr: expect.stringContaining('is a disabled account') })
    expect(await owns(userId)).toEqual([])
    expect((await db.select().from(users).where(eq(users.id, userId)))[0]?.isActive).toBe(false)
  })
})
