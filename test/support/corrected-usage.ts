/** A customer whose reported usage is corrected, and the sums of it. */
import { inject } from 'vitest'
import { directly } from './direct.ts'
import { administrator, call, newKeyHolder } from './http.ts'

const { sql } = directly()
const { service_key } = inject('credentials')
export const report = (events: readonly object[]) =>
  call('POST /api/v1/usage?durability=sync', { token: service_key, body: { events } })
export const correct = (body: object, token = service_key) => call('POST /api/v1/usage/corrections', { token, body })

export async function newCustomer(markup = 25, limits: readonly object[] = []) {
  const holder = await newKeyHolder({ limits })
  const admin = await administrator()
  const plan = `fair-${crypto.randomUUID().slice(0, 8)}`
  await sql.query(
    `insert into plans (id, name, limits, features, is_public, markup_percent)
     select $1, 'Plan of a test', limits, features, false, $2 from plans where id = 'free'`,
    [plan, markup],
  )
  await call(`PUT /api/v1/admin/organizations/${holder.organizationId}/plan`, { token: admin, body: { plan } })
  const meters = async () => (await call('GET /api/v1/quotas', { token: holder.token })).body.meters
  const listed = async (id: string, token = admin) =>
    (await call(`GET /api/v1/usage/events?id=${id}&organization_id=${holder.organizationId}`, { token })).body.data[0]
  return { ...holder, plan, admin, meters, listed, organization_id: holder.organizationId }
}

const FIGURES = [
  'requests',
  'errors',
  'api_calls',
  'input_tokens',
  'output_tokens',
  'cost_usd',
  'charge_usd',
  'unpriced',
  'response_time_count',
  'latency_3',
]

export async function sumsOf(organizationId: string) {
  const of = async (table: string, where = '', names = FIGURES) => {
    const list = names.map((name) => `coalesce(sum(${name}), 0)::text as ${name}`).join(', ')
    return (await sql.query(`select ${list} from ${table} where organization_id = $1 ${where}`, [organizationId]))[0]
  }
  const ofPeriods = FIGURES.filter((name) => !/response|latency/.test(name))
  const ofEvents = async (where = '') => {
    const rows = await sql.query(
      `select coalesce(sum(requests), 0)::text as requests, coalesce(sum(api_calls), 0)::text as api_calls, coalesce(sum(input_tokens), 0)::text as input_tokens,
       coalesce(sum(output_tokens), 0)::text as output_tokens, coalesce(sum(cost_usd), 0)::numeric(24,9)::text as cost_usd,
       coalesce(sum(charge_usd), 0)::numeric(24,9)::text as charge_usd,
       count(*) filter (where model <> '' and cost_usd is null)::text as unpriced, count(response_time_ms)::text as response_time_count
     from usage_events where organization_id = $1 ${where}`,
      [organizationId],
    )
    return rows[0]
  }
  return {
    events: await ofEvents(),
    /** A breakdown has no row for missing values: usage without a key has no environment. */
    inEnvironments: await ofEvents(`and environment <> ''`),
    totals: await of('usage_totals'),
    hourly: await of('usage_hourly'),
    environments: await of('usage_slices', `and dimension = 'environment'`),
    days: await of('usage_daily_slices', `and dimension = 'environment'`),
    periods: await of('usage_periods', '', ofPeriods),
  }
}
