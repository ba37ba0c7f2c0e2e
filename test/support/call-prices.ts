import { newCreditHolder } from './credits.ts'
import { directly } from './direct.ts'
import { administrator, call } from './http.ts'

const { sql } = directly()

/** An organization on a plan that charges each call. @param amount US dollars of credits; absent for none */
export async function newPricedHolder(price_per_call_usd: string | null, amount?: string, more: object = {}) {
  const holder = await newCreditHolder()
  const token = await administrator()
  const plan = `priced-${crypto.randomUUID().slice(0, 8)}`
  const limits = { rate_limit_per_minute: 1_000_000, max_api_keys: 5, meters: {}, ...more }
  const body = { id: plan, name: 'Priced', prices: [], limits, price_per_call_usd }
  const { body: created } = await call('POST /api/v1/admin/plans', { token, body })
  await call(`PUT /api/v1/admin/organizations/${holder.organizationId}/plan`, { token, body: { plan } })
  if (amount !== undefined) await holder.grant(amount)
  const changePlan = (changes: object) => call(`PATCH /api/v1/admin/plans/${plan}`, { token, body: changes })
  return { ...holder, plan, created, admin: token, changePlan }
}

/** What Postgres has of an organization, in US dollars without trailing zeros. */
export async function readCharges(organizationId: string) {
  const [row] = await sql.query(
    `select trim_scale(coalesce(sum(charge_usd), 0))::text as charged, trim_scale(coalesce(sum(even_charges + odd_charges), 0))::text as by_verifications,
      coalesce(sum(api_calls), 0)::int as calls from usage_periods where organization_id = $1`,
    [organizationId],
  )
  return row as { charged: string; by_verifications: string; calls: number }
}
