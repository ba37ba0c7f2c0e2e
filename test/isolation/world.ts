import { expect } from 'vitest'
import { openSession } from '../../src/accounts/sessions/open.ts'
import { CUSTOM_PERMISSIONS, type Permission, ROLES } from '../../src/auth/roles.ts'
import { sha256Hex } from '../../src/lib/bytes.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { describeKey, newKey } from '../../src/verification/key-format.ts'
import { directly } from '../support/direct.ts'
import { call, newUser } from '../support/http.ts'
import { managementDeps } from '../support/management.ts'
import { addMember } from '../support/organizations.ts'

/** Everything that an id of the API can refer to, for one organization: the first is the usual one, then odd ones. */
interface Ids {
  readonly organization: readonly string[]
  /** The operator's own id of the organization. */
  readonly customer: readonly string[]
  readonly user: readonly string[]
  readonly session: readonly string[]
  readonly identity: readonly string[]
  readonly passkey: readonly string[]
  readonly key: readonly string[]
  readonly invitation: readonly string[]
  readonly domain: readonly string[]
  /** Of a directory. */
  readonly group: readonly string[]
  readonly role: readonly string[]
  readonly grant: readonly string[]
  readonly endpoint: readonly string[]
  readonly delivery: readonly string[]
  readonly alert: readonly string[]
  readonly event: readonly string[]
  readonly reservation: readonly string[]
  readonly plan: readonly string[]
}

/** What only the operator sees: it belongs to nobody, so no world has any. */
type OperatorKind = 'billing_event' | 'mail' | 'ledger_row' | 'gateway_route' | 'meter' | 'credit_grant' | 'model_price'

export type Kind = keyof Ids | OperatorKind
export type World = Awaited<ReturnType<typeof newWorld>>

const { sql } = directly()

async function made(line: string, token: string, body: unknown, status = 201) {
  const answer = await call(line, { token, body })
  expect(answer, line).toMatchObject({ status })
  return answer.body
}

/** An organization with one of everything that it can have, and its owner's session. */
export async function newWorld() {
  const [owner, colleague] = await Promise.all([newUser(), newUser()])
  const { token, user } = owner
  const organization: string = user.organization_id
  await addMember(organization, colleague.user.id, 'member')
  const externalId = `customer-${crypto.randomUUID()}`
  await sql.query(`update organizations set limit_overrides = $2, external_id = $3 where id = $1`, [
    organization,
    { rate_limit_per_minute: 100_000, max_api_keys: 1_000 },
    externalId,
  ])
  const [key, invitation, domain, endpoint, reservation] = await Promise.all([
    keysOf(token),
    invitationsOf(organization, token),
    made(`POST /api/v1/organizations/${organization}/domains`, token, { domain: `${crypto.randomUUID()}.example.org` }),
    made('POST /api/v1/webhook-endpoints', token, { url: 'https://hooks.example.com/matrix', events: ['key.leaked'] }),
    made('POST /api/v1/usage/reserve', token, { api_calls: 7 }, 200),
  ])
  await insertSso(organization)
  const group = await insertDirectory(organization)
  const event = [`event-${crypto.randomUUID()}`, `event-${crypto.randomUUID()}`]
  await made('POST /api/v1/usage', token, { events: event.map((id) => ({ id, key_id: key[0], queries: 2 })) }, 200)
  const sessions = await sql.query('select id from sessions where user_id = $1', [user.id])
  const ids: Ids = {
    organization: [organization],
    customer: [externalId],
    user: [colleague.user.id, user.id],
    session: sessions.map(({ id }) => id as string),
    identity: [await insertIdentity(user.id)],
    passkey: [await insertPasskey(user.id)],
    key,
    invitation,
    domain: [domain.id],
    group: [group],
    role: [await insertRole(organization)],
    grant: [await insertGrant(organization, user.id)],
    endpoint: [endpoint.id],
    delivery: [await insertDelivery(organization, endpoint.id)],
    alert: [await insertAlert(organization)],
    event,
    reservation: [reservation.reservation_id],
    plan: ['starter'],
  }
  return { token, organization, name: await nameOf(organization), emails: [owner.email, colleague.email], ids }
}

async function insertIdentity(userId: string): Promise<string> {
  const id = uuidv7(Date.now())
  await sql.query(
    `insert into identities (id, user_id, provider, issuer, subject) values ($1::uuid, $2, 'local', 'https://id.example.com', $1::uuid::text)`,
    [id, userId],
  )
  return id
}

async function insertSso(organization: string): Promise<void> {
  await sql.query(
    `insert into sso_connections (id, organization_id, issuer, client_id, client_secret_encrypted)
     values (gen_random_uuid(), $1, 'https://id.example.com', 'matrix', '\\x00')`,
    [organization],
  )
}

async function insertDirectory(organization: string): Promise<string> {
  const id = uuidv7(Date.now())
  await sql.query(`insert into directories (organization_id, default_role) values ($1, 'viewer')`, [organization])
  await sql.query(`insert into directory_groups (id, organization_id, display_name) values ($1, $2, 'Matrix')`, [
    id,
    organization,
  ])
  return id
}

/** An application's grant, whose token nobody has. */
async function insertGrant(organization: string, userId: string): Promise<string> {
  const [client, id] = [uuidv7(Date.now()), uuidv7(Date.now())]
  await sql.query(
    `insert into oauth_clients (id, name, redirect_uris, auth_method, refreshes) values ($1, 'Matrix', '{}', 'none', true)`,
    [client],
  )
  await sql.query(
    `insert into api_keys (id, organization_id, created_by, client_id, name, key_hash, key_prefix, key_hint, environment)
     values ($1::uuid, $2, $3, $4, 'Matrix', sha256($1::uuid::text::bytea), 'oat', 'oat', 'live')`,
    [id, organization, userId, client],
  )
  await sql.query(
    `insert into oauth_grants (id, organization_id, user_id, client_id, salt, refreshed_at, expires_at)
     values ($1, $2, $3, $4, '\\x00', now(), now() + interval '1 day')`,
    [id, organization, userId, client],
  )
  return id
}

async function insertRole(organization: string): Promise<string> {
  const name = `r${crypto.randomUUID().slice(0, 8)}`
  await sql.query(`insert into roles (organization_id, name, permissions) values ($1, $2, '{organization:read}')`, [
    organization,
    name,
  ])
  return name
}

async function insertPasskey(userId: string): Promise<string> {
  const id = uuidv7(Date.now())
  await sql.query(
    `insert into passkeys (id, user_id, rp_id, credential_id, public_key, counter, transports, name, is_synced)
     values ($1::uuid, $2, 'tollgate.test', sha256($1::uuid::text::bytea), '\\x00', 0, '[]', 'Passkey', true)`,
    [id, userId],
  )
  return id
}

/** One in use, one with a successor, its successor, and a revoked one. */
async function keysOf(token: string): Promise<string[]> {
  const KEYS = '/api/v1/auth/api-keys'
  const issue = (name: string) => made(`POST ${KEYS}`, token, { name, scopes: ['reports:read'] })
  const [live, rotated, revoked] = await Promise.all(['Live', 'Rotated', 'Revoked'].map(issue))
  const grace = { grace_period_seconds: 3_600 }
  const [successor] = await Promise.all([
    made(`POST ${KEYS}/${rotated.id}/rotate`, token, grace),
    call(`DELETE ${KEYS}/${revoked.id}`, { token }),
  ])
  return [live, rotated, successor, revoked].map(({ id }) => id)
}

/** An open one and a withdrawn one. */
async function invitationsOf(organization: string, token: string): Promise<string[]> {
  const path = `/api/v1/organizations/${organization}/invitations`
  const invite = () => made(`POST ${path}`, token, { email: `${crypto.randomUUID()}@example.com`, role: 'viewer' })
  const [open, revoked] = await Promise.all([invite(), invite()])
  await call(`DELETE ${path}/${revoked.id}`, { token })
  return [open.id, revoked.id]
}

/** A delivered one, so that no job touches it. */
async function insertDelivery(organization: string, endpoint: string): Promise<string> {
  const id = uuidv7(Date.now())
  await sql.query(
    `insert into webhook_deliveries (id, organization_id, endpoint_id, event_id, type, payload, state, attempts)
     values ($1, $2, $3, $4, 'quota.exhausted', '{}', 'delivered', 1)`,
    [id, organization, endpoint, `evt_${id}`],
  )
  return id
}

/** A notified one, so that no job touches it. */
async function insertAlert(organization: string): Promise<string> {
  const [row] = await sql.query(
    `insert into usage_alerts (organization_id, meter, period_start, limit_value, threshold, used, notified_at)
     values ($1, 'queries', date_trunc('month', now()), 100, 80, 81, now()) returning id`,
    [organization],
  )
  return row?.id as string
}

/** Another one, which has bought something once: its provider is never called about it, and knows nothing of it. */
export async function newStranger(): Promise<World> {
  const world = await newWorld()
  const { organization } = world
  await sql.query(
    `insert into subscriptions (id, organization_id, provider, provider_subscription_id, provider_customer_id, plan_id,
       status, ended_at)
     values ($1, $2, 'polar', $3, $4, 'starter', 'canceled', now())`,
    [uuidv7(Date.now()), organization, `sub_${organization}`, `cus_${organization}`],
  )
  return world
}

async function nameOf(organization: string): Promise<string> {
  const [row] = await sql.query('select name from organizations where id = $1', [organization])
  return row?.name as string
}

/** A user with a role in an organization, signed in twice. */
export interface Member {
  readonly role: string
  readonly permissions: readonly Permission[]
  /** Acts for that organization. */
  readonly inside: string
  /** Acts for one of their own, as its owner: their rights there are irrelevant. */
  readonly elsewhere: string
}

const beyondViewers = CUSTOM_PERMISSIONS.filter(
  (permission) => !(ROLES.viewer as readonly string[]).includes(permission),
)

/**
 * Roles of an organization's own. Each permission that one may have is in one of them, and absent from another. Two allow what
 * a viewer may do, so that they may give that role.
 */
const CUSTOM_ROLES = {
  least: CUSTOM_PERMISSIONS.slice(0, 1),
  even: [...ROLES.viewer, ...beyondViewers.filter((_, at) => at % 2 === 0)],
  odd: [...ROLES.viewer, ...beyondViewers.filter((_, at) => at % 2 === 1)],
}

/** A member of each role: the built-in ones, and three custom ones. */
export async function membersOf({ organization }: World): Promise<Member[]> {
  for (const [name, permissions] of Object.entries(CUSTOM_ROLES))
    await sql.query('insert into roles (organization_id, name, permissions) values ($1, $2, $3)', [
      organization,
      name,
      permissions,
    ])
  return Promise.all(
    Object.entries({ ...ROLES, ...CUSTOM_ROLES }).map(async ([role, permissions]) => {
      const { token: inside, user } = await newUser()
      await addMember(organization, user.id, role)
      await sql.query('update sessions set organization_id = $1 where user_id = $2', [organization, user.id])
      const { access_token } = await openSession(managementDeps(directly()), user.id, { factors: ['password'] })
      return { role, permissions, inside, elsewhere: access_token }
    }),
  )
}

/** A key with exactly these scopes, including ones that nobody could grant. */
export async function keyWith(organization: string, scopes: readonly string[]): Promise<string> {
  const key = newKey('ck', 'live')
  await sql.query(
    `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment, scopes)
     values ($1, $2, 'Key of the matrix', decode($3, 'hex'), 'ck', $4, 'live', $5)`,
    [uuidv7(Date.now()), organization, sha256Hex(key), describeKey(key), scopes],
  )
  return key
}

export async function platformOrganization(): Promise<string> {
  const [row] = await sql.query('select id from organizations where is_platform')
  return row?.id as string
}
