import { env } from 'cloudflare:workers'
import type { Deps } from '../../src/deps.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { writeUsage } from '../../src/metering/write.ts'
import { directly } from './direct.ts'
import { failFor } from './faults.ts'
import { administrator, call } from './http.ts'
import { newCustomer, shopState } from './payments.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
const { sql } = directly()

/** The minute of the full scan, in the hour of a time. */
export const fullLook = (at = Date.now()) => Math.floor(at / HOUR) * HOUR + 7 * MINUTE
/** Another minute. */
export const soon = (at = Date.now()) => Math.floor(at / HOUR) * HOUR + 20 * MINUTE

/**
 * The stores, with one provider alone: a run of a test file sends nothing that the other provider's tests, which run at the
 * same time, watch.
 */
export function directlyAt(provider: 'polar' | 'stripe'): Deps {
  const deps = directly()
  const other = provider === 'polar' ? { STRIPE_SECRET_KEY: undefined } : { POLAR_ACCESS_TOKEN: undefined }
  return { ...deps, config: { ...deps.config, ...other } }
}

/** An organization on `builder`, with a limit of 1,000 calls and queries of its own: what is above is overage. */
export async function overageWorld(provider: 'polar' | 'stripe' = 'polar', plan = 'builder') {
  const customer = await newCustomer(provider)
  const { organizationId } = customer
  const token = await administrator()
  async function limit(api_calls: number | null): Promise<void> {
    const path = `/api/v1/admin/organizations/${organizationId}/quotas`
    const { status, body } = await call(`PUT ${path}`, { token, body: { api_calls, queries: api_calls } })
    if (status !== 200) throw new Error(JSON.stringify(body))
  }
  await limit(1_000) // before it is on the plan: runs of other tests look at all organizations, and the largest limit counts
  await customer.buy(plan)

  async function use(api_calls: number, at = Date.now(), queries = 0): Promise<void> {
    const used = { api_calls, queries, organization_id: organizationId, occurred_at: new Date(at).toISOString() }
    await writeUsage(directly(), [{ id: uuidv7(Date.now()), ...used }])
  }

  const ledger = () =>
    sql.query(
      `select identifier, units::int, from_units::int, amount_micro_usd::int as amount, amount_cents::int as cents, state, attempts,
         generation, occurred_at, period_start
       from billing_usage_ledger where organization_id = $1 order by period_start, meter, from_units`,
      [organizationId],
    )
  const report = async () =>
    (await call(`GET /api/v1/admin/billing/ledger?organization_id=${organizationId}`, { token })).body.data
  /** The next request of its that contains all of these texts fails. */
  const fault = (kind: string, ...also: string[]) =>
    failFor([encodeURIComponent(organizationId), ...also], { door: provider, count: 1, kind })

  /** Its invoice items at Stripe, the oldest first. */
  async function items(): Promise<any[]> {
    return (await shopState('stripe')).usage.filter(({ metadata }) => metadata.org_id === organizationId)
  }
  /** Its paid period ends at this moment, as far as known here. */
  const endsAt = (at: number) =>
    sql.query('update subscriptions set current_period_end = $2 where organization_id = $1', [
      organizationId,
      new Date(at).toISOString(),
    ])
  return { ...customer, use, limit, ledger, report, fault, items, endsAt }
}

/** Asks the local Stripe as a client of its API does. */
export async function askStripe(path: string, method = 'GET'): Promise<any> {
  const response = await fetch(`${env.STACK_URL}/stripe/v1${path}`, {
    method,
    headers: { Authorization: 'Bearer sk_test_local' },
  })
  return response.json()
}

/**
 * Records overage and claims it, as a run does that dies then. Runs of other tests send what is open: one of them may be
 * faster, and then it is done again.
 *
 * @returns the identifier of what is claimed
 */
export async function claimOne(record: () => Promise<unknown>, organizationId: string): Promise<string> {
  for (let tries = 0; tries < 20; tries++) {
    await record()
    const [claimed] = await sql.query(
      `update billing_usage_ledger set claimed_until = now() + interval '1 minute'
       where organization_id = $1 and state = 'pending' and claimed_until is null and charged_with = identifier returning identifier`,
      [organizationId],
    )
    if (claimed) return String(claimed.identifier)
  }
  throw new Error('Others always sent it first.')
}
