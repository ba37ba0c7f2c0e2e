import { expect, inject } from 'vitest'
import { openSession } from '../../src/accounts/sessions/open.ts'
import { notifyCredits } from '../../src/billing/credits/notify.ts'
import { settleCredits } from '../../src/billing/credits/settle.ts'
import { notifySpendCaps } from '../../src/billing/spend-cap/notify.ts'
import type { Deps } from '../../src/deps.ts'
import { notifyExpiry } from '../../src/events/expiry.ts'
import { processLeakReport } from '../../src/keys/leaks/report.ts'
import { sha256Hex } from '../../src/lib/bytes.ts'
import { checkUsageAlerts } from '../../src/usage/alerts/job.ts'
import { directly } from './direct.ts'
import { newUser } from './http.ts'
import { mailTo } from './mail.ts'
import { managementDeps } from './management.ts'
import { act, buy, eventsOf } from './shop.ts'
import { workerWith } from './variant.ts'
import { LOCAL } from './webhooks.ts'

const KEYS = '/api/v1/auth/api-keys'
/** Nothing else happens in these years, so a job that looks there finds only one test's data. */
const farAhead = () => new Date(Date.UTC(2040 + Math.floor(Math.random() * 900), 5, 15, 12)).toISOString()
const DAY = 24 * 3_600_000

/** Does everything to an organization that endpoints are notified of, with a Worker that may reach the local receiver. */
export async function actor({ userId, organizationId }: { userId: string; organizationId: string }) {
  const worker = workerWith({ ...LOCAL, IMPORTED_KEYS: 'true' })
  const deps: Deps = directly(LOCAL)
  const { sql } = deps
  /** A token of that Worker: it goes by another address than the others. */
  const signIn = async (id: string) =>
    (await openSession(managementDeps(deps), id, { factors: ['password'] })).access_token
  const token = await signIn(userId)
  const [admin] = await sql.query('select id from users where email = $1', [inject('credentials').admin.email])
  const adminToken = await signIn(admin?.id)

  async function ask(line: string, body?: unknown, as = token) {
    const answer = await worker.call(line, body, undefined, { Authorization: `Bearer ${as}` })
    expect([line, answer.status < 300, answer.body]).toEqual([line, true, answer.body])
    return answer.body
  }

  const asAdmin = (line: string, body?: unknown) => ask(line, body, adminToken)
  const issue = (fields: object = {}) =>
    ask(`POST ${KEYS}`, { name: 'Web shop', metadata: { shop: 7 }, scopes: ['orders:read'], ...fields })

  async function keys() {
    const [key, expiring] = [await issue(), await issue({ name: 'Trial', expires_at: farAhead() })]
    await ask(`PATCH ${KEYS}/${key.id}`, { name: 'Web shop in Graz' })
    const successor = await ask(`POST ${KEYS}/${key.id}/rotate`, { grace_period_seconds: 3_600 })
    await ask(`PATCH ${KEYS}/${successor.id}`, { is_active: false })
    await ask(`DELETE ${KEYS}/${successor.id}`)
    const leaked = await issue({ name: 'Leaky' })
    await processLeakReport(managementDeps(deps), [{ token: leaked.key, type: 'key', url: 'https://github.com/o/r' }])
    await ask(`POST ${KEYS}/import`, { keys: [{ hash: sha256Hex(crypto.randomUUID()), name: 'Old' }] })
    const expiry = Date.parse(expiring.expires_at)
    for (const at of [expiry - 7 * DAY, expiry - DAY, expiry]) await notifyExpiry(deps, at)
  }

  async function people() {
    const guest = await newUser({ name: 'Grace' })
    const invitations = `/api/v1/organizations/${organizationId}/invitations`
    const invite = (email: string) => ask(`POST ${invitations}`, { email, role: 'viewer' })
    await invite(guest.email)
    const mail = await mailTo(guest.email, /invite|join/i)
    const accepted = /#token=([\w-]+)/.exec(mail.links[0] ?? '')?.[1]
    await ask('POST /api/v1/organizations/invitations/accept', { token: accepted }, await signIn(guest.user.id))
    const member = `/api/v1/organizations/${organizationId}/members/${guest.user.id}`
    await ask(`PATCH ${member}`, { role: 'member' })
    await ask(`DELETE ${member}`)
    const [taken, old] = [await invite(`a-${guest.email}`), await invite(`b-${guest.email}`)]
    await ask(`DELETE ${invitations}/${taken.id}`)
    const end = farAhead()
    await sql.query('update invitations set expires_at = $2 where id = $1', [old.id, end])
    await notifyExpiry(deps, Date.parse(end))
  }

  async function operator() {
    const path = `/api/v1/admin/organizations/${organizationId}`
    await asAdmin(`PUT ${path}/quotas`, { queries: 1_000 })
    await asAdmin(`PUT ${path}/suspension`, { suspended: true, reason: 'Unpaid' })
    await asAdmin(`PUT ${path}/suspension`, { suspended: false })
    await asAdmin(`PUT ${path}/plan`, { plan: 'starter' })
  }

  async function usage() {
    await sql.query(
      `insert into usage_periods (organization_id, period_start, queries, updated_at)
       select id, usage_period_start(period_anchor, now()), 1000, now() from organizations where id = $1
       on conflict (organization_id, period_start) do update set queries = 1000, updated_at = now()`,
      [organizationId],
    )
    await checkUsageAlerts(deps, Math.floor(Date.now() / 3_600_000) * 3_600_000 + 60_000)
  }

  async function credits() {
    const path = `/api/v1/admin/organizations/${organizationId}/credits`
    await asAdmin(`POST ${path}`, { amount: '1.00', reason: 'Welcome' })
    const { id } = await asAdmin(`POST ${path}`, { amount: '1.00', reason: 'For a day', expires_at: farAhead() })
    await sql.query(`update credit_grants set expires_at = now() - interval '1 second' where id = $1`, [id])
    await settleCredits(deps, organizationId)
    const spent = { id: crypto.randomUUID(), organization_id: organizationId, endpoint: '/v1/orders', cost_usd: '1.25' }
    await ask('POST /api/v1/usage', { events: [spent] })
    await settleCredits(deps, organizationId)
    await notifyCredits(deps, Date.now())
    await ask('PUT /api/v1/billing/spend-cap', { cost_usd: '1.00', action: 'alert' })
    await notifySpendCaps(deps)
  }

  /** Verifies a key with a limit of one per minute twice. */
  async function refusals() {
    const { key } = await issue({ name: 'Hasty', custom_rate_limit: 1 })
    const body = { key }
    const service = { Authorization: `Bearer ${inject('credentials').service_key}` }
    for (const code of ['VALID', 'RATE_LIMITED'])
      expect((await worker.call('POST /api/v1/keys/verify', body, undefined, service)).body.code).toBe(code)
    await worker.settled()
  }

  async function payments() {
    const subscription = await buy('polar', organizationId, 'pro')
    let told = 0
    const tell = async () => {
      const events = await eventsOf('polar', organizationId)
      for (const { headers, body } of events.slice(told))
        await worker.call('POST /api/v1/webhooks/polar', body, undefined, headers)
      told = events.length
    }
    await tell()
    await act('polar', { act: 'pause', subscription })
    await tell()
    await act('polar', { act: 'cancel_now', subscription })
    await tell()
  }

  return { worker, deps, token, ask, asAdmin, issue, keys, people, operator, usage, credits, refusals, payments }
}
