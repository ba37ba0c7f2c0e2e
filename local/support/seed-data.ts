import { and, eq, isNull, sql } from 'drizzle-orm'
import { hashPassword } from '../../src/accounts/passwords/hash.ts'
import { SEED_PLANS } from '../../src/billing/plans/catalog.ts'
import type { Sql } from '../../src/db/client.ts'
import { type Database, ormOver } from '../../src/db/orm.ts'
import { apiKeys } from '../../src/db/schema/keys.ts'
import { memberships, organizations } from '../../src/db/schema/organizations.ts'
import { plans } from '../../src/db/schema/plans.ts'
import { users } from '../../src/db/schema/users.ts'
import { base64url, randomBytes, sha256 } from '../../src/lib/bytes.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { describeKey, type Environment, newKey } from '../../src/verification/key-format.ts'
import { LOCAL_PRODUCTS } from '../stack/payments/products.ts'

export interface Login {
  email: string
  password: string
}

/** The owner of one of the demo's customers. */
export interface DemoLogin extends Login {
  organization: string
  organization_id: string
}

/** What a newcomer needs in order to try everything; only ever in a file on their own machine. */
export interface Credentials {
  admin: Login
  user: Login
  organization_id: string
  api_key: string
  service_key: string
}

/** The plans and the operator's own organization: what every installation needs. Idempotent. */
export async function seedFoundation(sql: Sql): Promise<{ platformId: string }> {
  const db = ormOver(sql)
  const rows = Object.entries(SEED_PLANS).map(([id, plan], sortOrder) => Object.assign({ id, sortOrder }, plan))
  await db.insert(plans).values(rows).onConflictDoNothing()
  const platformId = await ensureOrganization(db, {
    name: 'Platform',
    slug: 'platform',
    planId: 'enterprise',
    isPlatform: true,
  })
  return { platformId }
}

/**
 * The foundation, and a demo: an organization with a key, its owner, an administrator and a service key. Idempotent:
 * what is in `known` and still in the database is kept.
 */
export async function seedDemo(sql: Sql, known: Partial<Credentials>): Promise<Credentials> {
  const db = ormOver(sql)
  const { platformId } = await seedFoundation(sql)
  await offerPlans(db)
  const organizationId = await ensureOrganization(db, { name: 'Default Organization', slug: 'default', planId: 'free' })
  const user = await ensureUser(db, 'demo@example.com', known.user?.password)
  const admin = await ensureUser(db, 'admin@example.com', known.admin?.password)
  await ensureOwner(db, organizationId, user.id)
  await ensureOwner(db, platformId, admin.id)
  const testKey = { organizationId, name: 'Test key', prefix: 'pk', environment: 'test' as const, scopes: [] }
  return {
    admin: admin.login,
    user: user.login,
    organization_id: organizationId,
    api_key: await ensureKey(db, testKey, known.api_key),
    service_key: await ensureKey(db, serviceKey(platformId), known.service_key),
  }
}

/** Makes the local payment providers sell the plans that have no product yet. */
async function offerPlans(db: Database): Promise<void> {
  for (const [id, { yearly, ...monthly }] of Object.entries(LOCAL_PRODUCTS)) {
    const [plan] = await db.select({ prices: plans.prices }).from(plans).where(eq(plans.id, id))
    if (!plan || plan.prices.some((price) => price.polar_product_id ?? price.stripe_price_id)) continue
    const prices = plan.prices.map((price) => {
      const { polarProductId, stripePriceId } = price.interval === 'year' ? yearly : monthly
      return Object.assign(price, { polar_product_id: polarProductId, stripe_price_id: stripePriceId })
    })
    await db.update(plans).set({ prices }).where(eq(plans.id, id))
  }
}

/** The key with which the operator's own back ends verify keys and report usage. */
export const serviceKey = (platformId: string): SeedKey => ({
  organizationId: platformId,
  name: 'Service key',
  prefix: 'svc',
  environment: 'live',
  scopes: ['platform:verify', 'platform:usage'],
})

/** Makes a user the owner of an organization, whatever their role was. */
export function ensureOwner(db: Database, organizationId: string, userId: string) {
  return db
    .insert(memberships)
    .values({ organizationId, userId, role: 'owner' })
    .onConflictDoUpdate({ target: [memberships.organizationId, memberships.userId], set: { role: 'owner' } })
}

/** @returns the user's id and login; the password is set again unless `password` is the original one */
export async function ensureUser(
  db: Database,
  email: string,
  password?: string,
): Promise<{ id: string; login: Login }> {
  const known = await findUserId(db, email)
  if (known && password) return { id: known, login: { email, password } }
  const chosen = base64url(randomBytes(15))
  const fields = { passwordHash: await hashPassword(chosen), emailVerifiedAt: new Date(), isActive: true }
  const id = known ?? uuidv7(Date.now())
  await db
    .insert(users)
    .values({ id, email, ...fields })
    .onConflictDoUpdate({ target: users.email, set: fields })
  return { id, login: { email, password: chosen } }
}

async function findUserId(db: Database, email: string): Promise<string | undefined> {
  const [known] = await db.select({ id: users.id }).from(users).where(eq(users.email, email))
  return known?.id
}

async function ensureOrganization(
  db: Database,
  fields: Omit<typeof organizations.$inferInsert, 'id'>,
): Promise<string> {
  await db
    .insert(organizations)
    .values({ id: uuidv7(Date.now()), ...fields })
    .onConflictDoNothing()
  const [row] = await db.select({ id: organizations.id }).from(organizations).where(eq(organizations.slug, fields.slug))
  if (!row) throw new Error(`The organization ${fields.slug} could not be made.`)
  return row.id
}

interface SeedKey {
  readonly organizationId: string
  readonly name: string
  readonly prefix: string
  readonly environment: Environment
  readonly scopes: string[]
}

/** Whether there is a live key with this name, whose text nobody can know any more. */
export async function hasKeyNamed(db: Database, { organizationId, name }: SeedKey): Promise<boolean> {
  const rows = await db.select({ id: apiKeys.id }).from(apiKeys).where(liveKeys(organizationId, name)).limit(1)
  return rows.length > 0
}

const liveKeys = (organizationId: string, name: string) =>
  and(eq(apiKeys.organizationId, organizationId), eq(apiKeys.name, name), isNull(apiKeys.revokedAt))

/** @returns the known key if it is still in the database, else a new one in its place */
export async function ensureKey(db: Database, wanted: SeedKey, known?: string): Promise<string> {
  const { organizationId, name, prefix, environment, scopes } = wanted
  if (known && (await hasKey(db, organizationId, known))) return known
  const key = newKey(prefix, environment)
  await db.batch([
    db
      .update(apiKeys)
      .set({ revokedAt: new Date(), isActive: false, version: sql`${apiKeys.version} + 1` })
      .where(liveKeys(organizationId, name)),
    db.insert(apiKeys).values({
      id: uuidv7(Date.now()),
      organizationId,
      name,
      keyHash: sha256(key),
      keyPrefix: prefix,
      keyHint: describeKey(key),
      environment,
      scopes,
    }),
  ])
  return key
}

async function hasKey(db: Database, organizationId: string, key: string): Promise<boolean> {
  const [row] = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.organizationId, organizationId), eq(apiKeys.keyHash, sha256(key)), isNull(apiKeys.revokedAt)))
  return row !== undefined
}
