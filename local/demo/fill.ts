/** `npm run dev -- --demo`: three customers with 60 days of usage, so that every screen has something to show. */
import { eq } from 'drizzle-orm'
import { createDeps } from '../../src/create-deps.ts'
import { type Database, ormOver } from '../../src/db/orm.ts'
import { users } from '../../src/db/schema/users.ts'
import type { Deps } from '../../src/deps.ts'
import { foldPlatformUsage } from '../../src/metering/fold-platform.ts'
import { storeEach } from '../../src/metering/store.ts'
import { type Credentials, type DemoLogin, ensureOwner, ensureUser, type Login } from '../support/seed-data.ts'
import { payFor } from './billing.ts'
import { type Client, signIn } from './client.ts'
import { DEMO_CUSTOMERS, type DemoCustomer } from './customers.ts'
import { ensureGatewayRoute } from './gateway.ts'
import { backdate } from './history.ts'
import { issueKeys, settleKeys } from './keys.ts'
import { ensureMeter } from './meters.ts'
import { DEMO_DAYS, makeUsage } from './traffic.ts'

const DAY_MS = 24 * 3_600_000
/** Events in one statement. */
const BATCH = 1_500

interface Demo {
  readonly baseUrl: string
  readonly localUrl: string
  /** Runs the Worker's every-minute jobs: alerts, emails, webhooks. */
  readonly runCron: () => Promise<unknown>
  /** The Worker's variables. */
  readonly variables: Readonly<Record<string, string>>
  readonly credentials: Credentials & { readonly demo?: readonly DemoLogin[] }
}

/**
 * Fills what is not filled yet; running it again adds nothing.
 *
 * @returns the logins of the customers' owners
 * @throws Error when an earlier fill was interrupted
 */
export async function fillDemo(demo: Demo): Promise<DemoLogin[]> {
  const deps = openDeps(demo.variables)
  const db = ormOver(deps.sql)
  const admin = await signIn(demo.baseUrl, demo.credentials.admin)
  await ensureGatewayRoute(admin, demo.localUrl)
  await ensureMeter(admin)
  const logins: DemoLogin[] = []
  let isNew = false
  for (const customer of DEMO_CUSTOMERS) {
    const owner = await ensurePerson(db, customer.owner, knownPassword(demo, customer))
    const organization = await ensureCustomer(admin, demo, customer)
    logins.push({ organization: customer.name, organization_id: organization.id, ...owner.login })
    if (organization.metadata.demo === 'filled') continue
    if (organization.metadata.demo === 'begun')
      throw new Error('The demo was interrupted while it was filled. Start over: npm run dev -- --fresh --demo')
    await mark(admin, organization.id, 'begun')
    await ensureOwner(db, organization.id, owner.id)
    await fillCustomer({ demo, deps, db, admin, customer, organizationId: organization.id, owner: owner.login })
    await mark(admin, organization.id, 'filled')
    isNew = true
  }
  if (!isNew) return logins
  await foldPlatform(deps)
  await demo.runCron()
  return logins
}

/** The Worker's Deps, without its time limit for one request. */
function openDeps(variables: Demo['variables']): Deps {
  const deps = createDeps(
    { ...variables, DATABASE_TIMEOUT_MS: '30000' },
    { waitUntil: (work) => void work.catch(console.error) },
  )
  deps.budget.lift()
  return deps
}

interface AdminOrganization {
  readonly id: string
  readonly metadata: { readonly demo?: 'begun' | 'filled' }
}

/** The first customer is the seeded organization, to which the test key belongs. */
function ensureCustomer(admin: Client, { credentials }: Demo, { name, externalId, owner }: DemoCustomer) {
  if (owner.email !== credentials.user.email)
    return admin.call<AdminOrganization>('PUT', `/admin/organizations/by-external-id/${externalId}`, {
      name,
      email: owner.email,
    })
  const path = `/admin/organizations/${credentials.organization_id}`
  return admin.call<AdminOrganization>('PATCH', path, { name, email: owner.email })
}

const mark = (admin: Client, id: string, demo: 'begun' | 'filled') =>
  admin.call('PATCH', `/admin/organizations/${id}`, { metadata: { demo, segment: 'self-serve' } })

function knownPassword({ credentials }: Demo, { owner }: DemoCustomer): string | undefined {
  return [credentials.user, ...(credentials.demo ?? [])].find(({ email }) => email === owner.email)?.password
}

async function ensurePerson(db: Database, { email, name }: DemoCustomer['owner'], password?: string) {
  const person = await ensureUser(db, email, password)
  await db.update(users).set({ name }).where(eq(users.id, person.id))
  return person
}

export interface Filling {
  readonly demo: Demo
  readonly deps: Deps
  readonly db: Database
  readonly admin: Client
  readonly customer: DemoCustomer
  readonly organizationId: string
  readonly owner: Login
}

/** Creates webhook endpoints first, so that they receive all events that follow. */
async function fillCustomer(filling: Filling): Promise<void> {
  const { demo, deps, customer, organizationId } = filling
  const owner = await signIn(demo.baseUrl, filling.owner)
  for (const { path, description } of customer.webhooks)
    await owner.call('POST', '/webhook-endpoints', {
      url: `${demo.localUrl}/webhooks/catch${path}`,
      description,
      organization_id: organizationId,
    })
  await addPeople(filling, owner)
  if (customer.bought) await payFor(filling, owner, customer.bought) // the first plan has too few keys
  await grantCredits(filling)
  const callers = await issueKeys(owner, customer)
  const events = makeUsage(customer.traffic, { organizationId, callers, now: deps.now() })
  for (let from = 0; from < events.length; from += BATCH) await storeEach(deps, events.slice(from, from + BATCH))
  await settleKeys(owner, callers)
  if (customer.tokensUsed) await limitUse(filling, owner, customer.tokensUsed)
  await backdate(filling)
}

async function addPeople({ db, admin, customer, organizationId }: Filling, owner: Client): Promise<void> {
  const path = `/organizations/${organizationId}`
  for (const { email, name, role } of customer.members) {
    await ensurePerson(db, { email, name })
    await admin.call('POST', `/admin${path}/members`, { email, role })
  }
  for (const invitation of customer.invited) await owner.call('POST', `${path}/invitations`, invitation)
}

async function grantCredits({ admin, deps, customer, organizationId }: Filling): Promise<void> {
  for (const { expiresInDays, ...grant } of customer.credits ?? [])
    await admin.call('POST', `/admin/organizations/${organizationId}/credits`, {
      ...grant,
      ...(expiresInDays && { expires_at: new Date(deps.now() + expiresInDays * DAY_MS).toISOString() }),
    })
}

/** Sets one limit that this period's usage nearly reaches, on whatever day that is, and one that is far away. */
async function limitUse({ admin, organizationId }: Filling, owner: Client, share: number): Promise<void> {
  const { meters } = await owner.call<{ meters: { tokens: { used: number } } }>('GET', '/quotas')
  const tokens = Math.max(1_000, Math.floor(meters.tokens.used / share / 1_000) * 1_000)
  await admin.call('PUT', `/admin/organizations/${organizationId}/quotas`, { tokens, meters: { pages: 10_000 } })
}

/** Does what the Worker's job would take hours to do: sums up all customers. */
async function foldPlatform(deps: Deps): Promise<void> {
  const first = new Date(deps.now() - (DEMO_DAYS + 1) * DAY_MS).toISOString()
  await deps.sql.query(
    "update usage_platform_progress set folded_until = least(folded_until, date_trunc('day', $1::timestamptz, 'UTC'))",
    [first],
  )
  await foldPlatformUsage(deps)
}
