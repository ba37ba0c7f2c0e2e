import { uuidv7 } from '../../src/lib/uuid.ts'
import { newServiceKey } from './customers.ts'
import { directly } from './direct.ts'
import { administrator, call, newKeyHolder, newUser } from './http.ts'
import { confirmAddress } from './mail.ts'
import { newCustomer } from './payments.ts'
import { codeOf, newTwoFactorUser } from './two-factor.ts'

/** A request that succeeds once. */
interface Prepared {
  readonly token: string
  readonly path?: string
  readonly body?: object
}

const plan = () => ({
  id: `p${crypto.randomUUID().slice(0, 8)}`,
  name: 'Once',
  prices: [],
  limits: { rate_limit_per_minute: 60, max_api_keys: 1, meters: {} },
  is_public: false,
})

const meter = () => ({
  slug: `once_${crypto.randomUUID().slice(0, 8)}`,
  name: 'Once',
  unit: 'times',
  kind: 'counter',
})

async function onUser(what: string, body: object = {}): Promise<Prepared> {
  const { user } = await newUser()
  return { token: await administrator(), path: `admin/users/${user.id}/${what}`, body: { reason: 'As asked', ...body } }
}

async function endpoint(what = ''): Promise<Prepared> {
  const { token } = await newUser()
  const body = { url: 'https://hooks.example.com/', events: [] }
  if (what === '') return { token, body }
  const made = await call('POST /api/v1/webhook-endpoints', { token, body })
  const path = `webhook-endpoints/${made.body.id}`
  if (what !== 'resend') return { token, path: `${path}/${what}`, body: {} }
  const sent = await call(`POST /api/v1/${path}/test`, { token, body: {} })
  return { token, path: `${path}/deliveries/${sent.body.id}/resend`, body: {} }
}

async function invitation(what = ''): Promise<Prepared> {
  const { token, user } = await newUser()
  const path = `organizations/${user.organization_id}/invitations`
  const body = { email: `invited-${crypto.randomUUID()}@example.com`, role: 'member' }
  if (what === '') return { token, path, body }
  const made = await call(`POST /api/v1/${path}`, { token, body })
  return { token, path: `${path}/${made.body.id}/${what}` }
}

/** Somebody on a plan, and what they ask of it. */
async function billing(what: string, body: object): Promise<Prepared> {
  const { token, buy, post } = await newCustomer()
  if (what !== 'checkout') await buy('builder')
  if (what === 'resume') await post('cancel')
  return { token, body }
}

async function withFactor(body: (of: Awaited<ReturnType<typeof newTwoFactorUser>>) => object): Promise<Prepared> {
  const of = await newTwoFactorUser()
  return { token: of.token, body: body(of) }
}

/** A row of the ledger that the provider refused. */
async function stuck(what: string): Promise<Prepared> {
  const { organizationId: organization_id } = await newCustomer()
  const identifier = `${organization_id}:api_calls:1767225600:0`
  await directly().sql.query(
    `insert into billing_usage_ledger (identifier, organization_id, provider, provider_customer_id, event_name, meter, period_start,
       from_units, units, amount_micro_usd, occurred_at, charged_with, state)
     values ($1, $2, 'polar', 'nobody', 'api_calls', 'api_calls', now(), 0, 1, 1, now(), $1, 'refused')`,
    [identifier, organization_id],
  )
  return { token: await administrator(), path: `admin/ledger/${identifier}/${what}`, body: { reason: 'As agreed' } }
}

/** A customer's credits, or what is done to a grant of them. */
async function credits(what = ''): Promise<Prepared> {
  const token = await administrator()
  const { user } = await newUser()
  const path = `admin/organizations/${user.organization_id}/credits`
  const body = { amount: '5.00', reason: 'As agreed' }
  if (what === '') return { token, path, body }
  const { body: grant } = await call(`POST /api/v1/${path}`, { token, body })
  return { token, path: `${path}/${grant.id}/${what}`, body: what === 'correct' ? body : { reason: 'As agreed' } }
}

const newEmail = () => `repeated-${crypto.randomUUID()}@example.com`

/** Makes a request to each operation that takes an `Idempotency-Key`, where that needs little. */
export const PREPARE: Readonly<Record<string, () => Promise<Prepared>>> = {
  'POST /api/v1/admin/ledger/{id}/resend': () => stuck('resend'),
  'POST /api/v1/admin/ledger/{id}/write-off': () => stuck('write-off'),
  'POST /api/v1/admin/meters': async () => ({ token: await administrator(), body: meter() }),
  'POST /api/v1/admin/organizations/{organization_id}/credits': () => credits(),
  'POST /api/v1/admin/organizations/{organization_id}/credits/{grant_id}/correct': () => credits('correct'),
  'POST /api/v1/admin/organizations/{organization_id}/credits/{grant_id}/revoke': () => credits('revoke'),
  'POST /api/v1/admin/plans': async () => ({ token: await administrator(), body: plan() }),
  'POST /api/v1/admin/users': async () => ({ token: await administrator(), body: { email: newEmail() } }),
  'POST /api/v1/admin/organizations/{organization_id}/members': async () => {
    const [{ email }, { user }] = [await newUser(), await newUser()]
    await confirmAddress(email)
    const path = `admin/organizations/${user.organization_id}/members`
    return { token: await administrator(), path, body: { email } }
  },
  'POST /api/v1/admin/users/{id}/disable': () => onUser('disable'),
  'POST /api/v1/admin/users/{id}/enable': async () => {
    const prepared = await onUser('enable')
    await call(`POST /api/v1/${prepared.path?.replace('enable', 'disable')}`, { token: prepared.token, body: {} })
    return prepared
  },
  'POST /api/v1/admin/users/{id}/logout': () => onUser('logout'),
  'POST /api/v1/admin/users/{id}/impersonate': () => onUser('impersonate'),
  'POST /api/v1/admin/users/{id}/two-factor/reset': async () => {
    const { user } = await newTwoFactorUser()
    const path = `admin/users/${user.id}/two-factor/reset`
    return { token: await administrator(), path, body: { reason: 'Lost their phone' } }
  },
  'POST /api/v1/auth/2fa/setup': async () => ({ token: (await newUser()).token, body: {} }),
  'POST /api/v1/auth/2fa/enable': async () => {
    const { token } = await newUser()
    const { body } = await call('POST /api/v1/auth/2fa/setup', { token })
    return { token, body: { code: codeOf(body.secret) } }
  },
  'POST /api/v1/auth/2fa/disable': () => withFactor(({ password, backupCodes: [code] }) => ({ password, code })),
  'POST /api/v1/auth/2fa/backup-codes': () => withFactor(({ backupCodes: [code] }) => ({ code })),
  'POST /api/v1/auth/api-keys': async () => ({ token: (await newUser()).token, body: { name: 'Once' } }),
  'POST /api/v1/auth/api-keys/generate': async () => ({ token: (await newUser()).token, body: { name: 'Once' } }),
  'POST /api/v1/auth/api-keys/{id}/rotate': async () => {
    const { token, keyId } = await newKeyHolder()
    return { token, path: `auth/api-keys/${keyId}/rotate`, body: {} }
  },
  'POST /api/v1/auth/email/change': async () => {
    const { token, password } = await newUser()
    return { token, body: { new_email: `new-${uuidv7(Date.now())}@example.com`, password } }
  },
  'POST /api/v1/auth/password/change': async () => {
    const { token, password } = await newUser()
    return { token, body: { current_password: password, new_password: `battery ${crypto.randomUUID()}` } }
  },
  'POST /api/v1/billing/checkout': () => billing('checkout', { plan: 'builder' }),
  'POST /api/v1/billing/top-up': () => billing('checkout', { amount: '5.00' }),
  'POST /api/v1/billing/portal': () => billing('portal', {}),
  'POST /api/v1/billing/change': () => billing('change', { plan: 'pro' }),
  'POST /api/v1/billing/cancel': () => billing('cancel', {}),
  'POST /api/v1/billing/resume': () => billing('resume', {}),
  'POST /api/v1/organizations': async () => ({ token: (await newUser()).token, body: { name: 'Once' } }),
  'POST /api/v1/organizations/{organization_id}/roles': async () => {
    const { token, user } = await newUser()
    const body = { name: 'billing', permissions: ['billing:read'] }
    return { token, path: `organizations/${user.organization_id}/roles`, body }
  },
  'POST /api/v1/organizations/{organization_id}/domains': async () => {
    const { token, user } = await newUser()
    const body = { domain: `${crypto.randomUUID()}.example.org` }
    return { token, path: `organizations/${user.organization_id}/domains`, body }
  },
  'POST /api/v1/organizations/{organization_id}/invitations': () => invitation(),
  'POST /api/v1/organizations/{organization_id}/invitations/{id}/resend': () => invitation('resend'),
  'POST /api/v1/portal/sessions': async () => {
    const [{ key }, { user }] = [await newServiceKey('platform:portal'), await newUser()]
    return { token: key, body: { organization_id: user.organization_id, scopes: ['keys:read'] } }
  },
  'POST /api/v1/webhook-endpoints': () => endpoint(),
  'POST /api/v1/webhook-endpoints/{id}/rotate-secret': () => endpoint('rotate-secret'),
  'POST /api/v1/webhook-endpoints/{id}/test': () => endpoint('test'),
  'POST /api/v1/webhook-endpoints/{id}/deliveries/{delivery_id}/resend': () => endpoint('resend'),
}

/** @param line an operation of {@link PREPARE} */
export function prepare(line: string): Promise<Prepared> {
  const one = PREPARE[line]
  if (!one) throw new Error(`Nobody prepares ${line}`)
  return one()
}
