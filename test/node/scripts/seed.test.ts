import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { seedDemo, seedFoundation } from '../../../local/support/seed-data.ts'
import { passwordMatches } from '../../../src/accounts/passwords/hash.ts'
import { SEED_PLANS } from '../../../src/billing/plans/catalog.ts'
import { type Database, ormOver } from '../../../src/db/orm.ts'
import { apiKeys } from '../../../src/db/schema/keys.ts'
import { memberships, organizations } from '../../../src/db/schema/organizations.ts'
import { plans } from '../../../src/db/schema/plans.ts'
import { users } from '../../../src/db/schema/users.ts'
import { sha256Hex } from '../../../src/lib/bytes.ts'
import { isWellFormed } from '../../../src/verification/key-format.ts'
import { migratedDatabase, runScript } from './support.ts'

let database: Awaited<ReturnType<typeof migratedDatabase>>
let db: Database

beforeAll(async () => {
  database = await migratedDatabase()
  db = ormOver(database.sql)
})

afterAll(() => database.close())

beforeEach(() => database.sql.query('truncate plans, organizations, users cascade'))

/** Every row that a seed could have created or changed. */
async function rows() {
  const tables = [plans, organizations, users, memberships, apiKeys]
  return Promise.all(tables.map((table) => db.select().from(table)))
}

const counts = async () => (await rows()).map((table) => table.length)
const keysNamed = async (name: string) =>
  (await db.select().from(apiKeys).where(eq(apiKeys.name, name))).toSorted((a, b) => (a.id < b.id ? -1 : 1))
const seed = (known = {}) => seedDemo(database.sql, known)

async function userOf(email: string) {
  const [user] = await db.select().from(users).where(eq(users.email, email))
  if (!user) throw new Error(`There is no ${email}.`)
  return user
}

describe('the foundation', () => {
  test('is the plans and the platform organization; nobody can sign in and no key works', async () => {
    const { platformId } = await seedFoundation(database.sql)

    expect(await counts()).toEqual([Object.keys(SEED_PLANS).length, 1, 0, 0, 0])
    expect(await db.select().from(organizations)).toMatchObject([
      { id: platformId, slug: 'platform', isPlatform: true, planId: 'enterprise' },
    ])
  })

  test('a second run changes nothing', async () => {
    const { platformId } = await seedFoundation(database.sql)
    const before = await rows()

    expect(await seedFoundation(database.sql)).toEqual({ platformId })
    expect(await rows()).toEqual(before)
  })

  test('changes by the operator are kept', async () => {
    await seedFoundation(database.sql)
    await db.update(plans).set({ name: 'Gratis' }).where(eq(plans.id, 'free'))
    await db.update(organizations).set({ name: 'Example Inc.' })
    await seedFoundation(database.sql)

    expect(await db.select().from(plans).where(eq(plans.id, 'free'))).toMatchObject([{ name: 'Gratis' }])
    expect(await db.select().from(organizations)).toMatchObject([{ name: 'Example Inc.', slug: 'platform' }])
  })

  test('concurrent runs create everything once', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => seedFoundation(database.sql)))
    expect(new Set(made.map(({ platformId }) => platformId)).size).toBe(1)
    expect(await counts()).toEqual([Object.keys(SEED_PLANS).length, 1, 0, 0, 0])
  })
})

describe('the demo', () => {
  test('is an organization with its owner and a key, and an administrator and a service key of the platform', async () => {
    const credentials = await seed()
    const [demo, admin] = [await userOf(credentials.user.email), await userOf(credentials.admin.email)]
    const { platformId } = await seedFoundation(database.sql)

    expect(await counts()).toEqual([Object.keys(SEED_PLANS).length, 2, 2, 2, 2])
    const organization = eq(organizations.id, credentials.organization_id)
    expect(await db.select().from(organizations).where(organization)).toMatchObject([
      { name: 'Default Organization', slug: 'default', planId: 'free', isPlatform: false },
    ])
    expect(await db.select().from(memberships).orderBy(memberships.createdAt)).toMatchObject([
      { organizationId: credentials.organization_id, userId: demo.id, role: 'owner' },
      { organizationId: platformId, userId: admin.id, role: 'owner' },
    ])
    expect([demo.emailVerifiedAt, admin.emailVerifiedAt]).toEqual([expect.any(Date), expect.any(Date)])
    expect(await keysNamed('Test key')).toMatchObject([
      { organizationId: credentials.organization_id, keyPrefix: 'pk', environment: 'test', scopes: [] },
    ])
    expect(await keysNamed('Service key')).toMatchObject([
      {
        organizationId: platformId,
        keyPrefix: 'svc',
        environment: 'live',
        scopes: ['platform:verify', 'platform:usage'],
      },
    ])
  })

  test('its keys and passwords are the ones it prints, and only their hashes are stored', async () => {
    const { api_key, service_key, user, admin } = await seed()
    for (const { email, password } of [user, admin])
      expect(await passwordMatches(password, (await userOf(email)).passwordHash)).toBe(true)

    expect([api_key, service_key].map(isWellFormed)).toEqual([true, true])
    const hashes = await database.sql.query(`select encode(key_hash, 'hex') as hash from api_keys`)
    expect(new Set(hashes.map(({ hash }) => hash))).toEqual(new Set([sha256Hex(api_key), sha256Hex(service_key)]))
    const all = JSON.stringify(await rows())
    for (const secret of [api_key, service_key, user.password, admin.password]) expect(all).not.toContain(secret)
  })

  test('twice is once: the same rows, the same ids, the same keys and passwords', async () => {
    const credentials = await seed()
    const before = await rows()

    expect(await seed(credentials)).toEqual(credentials)
    expect(await rows()).toEqual(before)
  })

  test('if its credentials are lost it issues new keys, revokes the old, and sets new passwords', async () => {
    const lost = await seed()
    const people = [await userOf(lost.user.email), await userOf(lost.admin.email)]
    const found = await seed()

    expect(found.organization_id).toBe(lost.organization_id)
    for (const [name, field] of [
      ['Test key', 'api_key'],
      ['Service key', 'service_key'],
    ] as const) {
      expect(found[field]).not.toBe(lost[field])
      const [old, fresh, ...others] = await keysNamed(name)
      expect(old).toMatchObject({ revokedAt: expect.any(Date), isActive: false, version: 2 })
      expect(fresh).toMatchObject({ revokedAt: null, isActive: true, version: 1 })
      expect(others).toEqual([])
    }
    for (const [at, { email, password }] of [found.user, found.admin].entries()) {
      const { id, passwordHash } = await userOf(email)
      expect(id).toBe(people[at]?.id)
      expect(await passwordMatches(password, passwordHash)).toBe(true)
    }
    expect(found.user.password).not.toBe(lost.user.password)
    expect(await counts()).toEqual([Object.keys(SEED_PLANS).length, 2, 2, 2, 4])
  })

  test('a key that was revoked, or belongs to another organization, does not count as known', async () => {
    const first = await seed()
    await db.update(apiKeys).set({ revokedAt: new Date() }).where(eq(apiKeys.name, 'Test key'))
    const second = await seed(first)
    expect(second).toEqual({ ...first, api_key: expect.any(String) })
    expect(second.api_key).not.toBe(first.api_key)

    const swapped = await seed({ ...second, service_key: second.api_key })
    expect(swapped.service_key).not.toBe(second.api_key)
    expect(swapped.api_key).toBe(second.api_key)
  })

  test('over an existing foundation it only adds', async () => {
    const { platformId } = await seedFoundation(database.sql)
    await seed()
    expect(await seedFoundation(database.sql)).toEqual({ platformId })
    expect(await counts()).toEqual([Object.keys(SEED_PLANS).length, 2, 2, 2, 2])
  })
})

describe('npm run seed and npm run admin', { timeout: 30_000 }, () => {
  const run = (line: string) => runScript(line, database.env)

  test('seed creates only the foundation', async () => {
    expect(await run('seed')).toMatchObject({ code: 0, stderr: '' })
    expect(await counts()).toEqual([Object.keys(SEED_PLANS).length, 1, 0, 0, 0])
  })

  test('a service key is printed once and stays; another one replaces it on request', async () => {
    const keyIn = ({ stdout }: { stdout: string }) => /svc_live_\w+/.exec(stdout)?.[0] ?? ''
    const first = keyIn(await run('seed --service-key'))
    expect((await run('seed --service-key')).stdout).toContain('There is a service key already, and it stays')
    const second = keyIn(await run('seed --service-key --replace'))

    expect([first, second].map(isWellFormed)).toEqual([true, true])
    const live = await database.sql.query(
      `select encode(key_hash, 'hex') as hash from api_keys where revoked_at is null and is_active`,
    )
    expect(live).toEqual([{ hash: sha256Hex(second) }])
  })

  test('admin creates an owner of the platform organization and prints the password', async () => {
    const { code, stdout } = await run('admin --email Ada@Example.com')
    const [, password = ''] = /Password, shown this once: (\S+)/.exec(stdout) ?? []

    expect(code).toBe(0)
    const ada = await userOf('ada@example.com')
    expect(await passwordMatches(password, ada.passwordHash)).toBe(true)
    const { platformId } = await seedFoundation(database.sql)
    expect(await db.select().from(memberships)).toMatchObject([
      { organizationId: platformId, userId: ada.id, role: 'owner' },
    ])
  })

  test('admin keeps the password of an existing user, unless asked to reset it', async () => {
    const run = (more = '') => runScript(`admin --email twice@example.com${more}`, database.env)
    expect((await run()).stdout).toContain('Password, shown this once')
    const { passwordHash } = await userOf('twice@example.com')
    expect((await run()).stdout).toBe(
      'twice@example.com is an administrator. The password is what it was; --reset-password sets another.\n',
    )
    expect((await userOf('twice@example.com')).passwordHash).toBe(passwordHash)
    expect((await run(' --reset-password')).stdout).toContain('Password, shown this once')
    expect((await userOf('twice@example.com')).passwordHash).not.toBe(passwordHash)
  })

  test('admin refuses an invalid address in one line', async () => {
    for (const { code, stderr } of await Promise.all([run('admin --email nobody'), run('admin --email')]))
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^[^\n]*--email[^\n]+\n$/)])
    expect(await counts()).toEqual([0, 0, 0, 0, 0])
  })
})
