import { describe, expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'
import { confirmAddress } from '../../support/mail.ts'
import { type Operation, openApi } from '../../support/openapi.ts'
import { newCustomer } from '../../support/payments.ts'
import { codeOf, newTwoFactorUser } from '../../support/two-factor.ts'

const { operations } = await openApi()
const posts = operations.filter(({ line }) => line.startsWith('POST '))
const takesKey = ({ parameters }: Operation) => parameters.some(({ name }) => name === 'Idempotency-Key')

/** Operations that take no key, and why a repeat is harmless, or no key could make it safe. */
const WITHOUT_KEY: Readonly<Record<string, string>> = {
  'POST /api/v1/keys/verify': '`idempotency_key` in the body',
  'POST /api/v1/usage': 'each event has an id',
  'POST /api/v1/usage/reserve': '`idempotency_key` in the body',
  'POST /api/v1/usage/settle': 'a reservation is settled once, by its id',
  'POST /api/v1/usage/corrections': 'the same correction again changes nothing, and says so',
  'POST /api/v1/usage/reservations/{id}/extend': 'twice is the same as once, a moment later',
  'POST /api/v1/usage/subjects/erase': 'who was erased is erased',
  'POST /api/v1/admin/keys/lookup': 'changes nothing',
  'POST /api/v1/admin/organizations/{organization_id}/reservations/{id}/cancel': 'what was canceled is canceled',
  'POST /api/v1/admin/plans/{plan_id}/move': 'who was moved is on the newest version',
  'POST /api/v1/billing/preview': 'changes nothing',
  'POST /api/v1/tokens/verify': 'changes nothing',
  'POST /api/v1/auth/register': 'nobody is signed in; an address is registered once',
  'POST /api/v1/auth/login': 'nobody is signed in; each sign-in is a session of its own',
  'POST /api/v1/auth/refresh': 'nobody is signed in; a refresh token repeats its own answer for a while',
  'POST /api/v1/auth/logout': 'a session that has ended has ended',
  'POST /api/v1/auth/browser/login': 'nobody is signed in; each sign-in is a session of its own',
  'POST /api/v1/auth/browser/2fa/verify': 'nobody is signed in; a challenge is good once',
  'POST /api/v1/auth/browser/refresh': 'a refresh token repeats its own answer for a while',
  'POST /api/v1/auth/browser/logout': 'a session that has ended has ended',
  'POST /api/v1/auth/browser/portal/redeem': 'nobody is signed in; a token is good once',
  'POST /api/v1/auth/browser/portal/resume': 'answers the same as long as the session lasts',
  'POST /api/v1/auth/browser/portal/leave': 'who has left has left',
  'POST /api/v1/auth/browser/sign-in': 'nobody is signed in; a code is good once',
  'POST /api/v1/auth/sign-in': 'nobody is signed in; each sign-in is a new one',
  'POST /api/v1/auth/sign-in/complete': 'nobody is signed in; a code is good once',
  'POST /api/v1/auth/authorizations': 'changes nothing',
  'POST /api/v1/auth/authorizations/decide': 'a code is good once, and one that nobody uses changes nothing',
  'POST /api/v1/auth/devices': 'changes nothing',
  'POST /api/v1/auth/devices/decide': 'who has decided has decided',
  'POST /api/v1/auth/2fa/verify': 'nobody is signed in; a challenge is good once',
  'POST /api/v1/auth/2fa/passkey': 'nobody is signed in; each one is good once',
  'POST /api/v1/auth/sign-in/sso': 'nobody is signed in; each one is good once',
  'POST /api/v1/auth/sign-in/email': 'nobody is signed in; the last mail is the one that counts',
  'POST /api/v1/auth/browser/passkey': 'nobody is signed in; an answer is good once',
  'POST /api/v1/auth/passkeys/sign-in/begin': 'nobody is signed in; each one is good once',
  'POST /api/v1/auth/passkeys/sign-in': 'nobody is signed in; an answer is good once',
  'POST /api/v1/auth/passkeys/begin': 'each one is good once, and changes nothing by itself',
  'POST /api/v1/auth/passkeys/prove': 'each one is good once, and changes nothing by itself',
  'POST /api/v1/auth/passkeys/reauthenticate': 'twice is the same as once, a moment later',
  'POST /api/v1/auth/email/verify': 'nobody is signed in; a token is good once',
  'POST /api/v1/auth/email/resend': 'nobody is signed in; the last mail is the one that counts',
  'POST /api/v1/auth/email/change/confirm': 'a token is good once',
  'POST /api/v1/auth/password/reset': 'nobody is signed in; the last mail is the one that counts',
  'POST /api/v1/auth/password/reset/confirm': 'nobody is signed in; a token is good once',
  'POST /api/v1/portal/redeem': 'nobody is signed in; a token is good once',
  'POST /api/v1/organizations/invitations/accept': 'a token is good once, and says so to who has accepted',
  'POST /api/v1/organizations/{organization_id}/switch':
    'gives a token as often as it is asked; the session stays the same',
  'POST /api/v1/organizations/{organization_id}/domains/{id}/verify': 'twice is the same as once, a moment later',
  'POST /api/v1/organizations/{organization_id}/directory/token': 'the last token counts, and only its answer has it',
  'POST /api/v1/organizations/{organization_id}/join': 'a member stays as they are',
  'POST /api/v1/organizations/{organization_id}/leave': 'who has left may not ask again',
  'POST /api/v1/organizations/{organization_id}/transfer': 'who is no owner any more may not ask again',
}

/** Operations that take a key and are tested elsewhere: they need setup, or would disturb concurrent tests. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'POST /api/v1/auth/identities': 'test/api/accounts/identities/link.test.ts',
  'POST /api/v1/auth/passkeys': 'test/api/accounts/passkeys/passkeys.test.ts',
  'POST /api/v1/admin/billing/events/{id}/replay': 'test/api/admin/billing-events.test.ts',
  'POST /api/v1/admin/deliveries/{id}/resend': 'test/api/admin/deliveries.test.ts',
  'POST /api/v1/admin/mails/{id}/resend': 'test/api/admin/mails.test.ts',
  'POST /api/v1/admin/organizations': 'test/api/admin/customers.test.ts',
  'POST /api/v1/admin/prices': 'test/api/admin/prices.test.ts',
  'POST /api/v1/admin/routes': 'test/api/admin/gateway.test.ts',
  'POST /api/v1/admin/service-keys': 'as keys of an organization, by the same code',
  'POST /api/v1/admin/service-keys/{id}/rotate': 'as keys of an organization, by the same code',
  'POST /api/v1/admin/webhooks': 'as of an organization, by the same code',
  'POST /api/v1/admin/webhooks/{id}/rotate-secret': 'as of an organization, by the same code',
  'POST /api/v1/admin/webhooks/{id}/test': 'as of an organization, by the same code',
  'POST /api/v1/auth/api-keys/import': 'test/isolates/keys/import.test.ts',
}

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

const PREPARE: Readonly<Record<string, () => Promise<Prepared>>> = {
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

const withKey = posts.filter(takesKey)
const linesOf = (some: readonly Operation[]) => some.map(({ line }) => line).toSorted()

test('every POST accepts an Idempotency-Key, or explains why not', () => {
  expect(linesOf(posts.filter((one) => !takesKey(one)))).toEqual(Object.keys(WITHOUT_KEY).toSorted())
  expect(linesOf(withKey)).toEqual([...Object.keys(PREPARE), ...Object.keys(ELSEWHERE)].toSorted())
})

describe('with an Idempotency-Key', () => {
  test.each(withKey.filter(({ line }) => line in PREPARE).map((one) => [one.line, one] as const))(
    '%s returns its first response to a repeat, and refuses another body',
    async (line, { body: schema, responses }) => {
      const prepare = PREPARE[line] as () => Promise<Prepared>
      const { token, path, body } = await prepare()
      const headers = { 'Idempotency-Key': crypto.randomUUID() }
      const send = (sent: object | undefined) =>
        call(path === undefined ? line : `POST /api/v1/${path}`, { token, headers, ...(sent && { body: sent }) })
      const [first, repeat] = [await send(body), await send(body)]
      expect([first.status, first.headers.get('Idempotent-Replayed')]).toEqual([
        expect.toBeOneOf([200, 201, 202, 204]),
        null,
      ])
      expect([repeat.status, repeat.headers.get('Idempotent-Replayed')]).toEqual([first.status, 'true'])
      expect(repeat.body).toEqual(first.body)
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['409', '422']))
      if (!schema) return // no other body if none is accepted
      expect(await send({ ...body, unheard_of: 1 })).toMatchObject({
        status: 422,
        body: { code: 'idempotency_key_reused' },
      })
    },
  )
})
