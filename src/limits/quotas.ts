import type { Sql } from '../db/client.ts'
import {
  GAUGES,
  type LimitOverrides,
  METERS,
  type Meter,
  type PlanFeatures,
  type PlanLimits,
} from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { monthOf, type Period } from '../lib/period.ts'
import { Problem } from '../problems.ts'
import { counterKey } from './quota-claim.ts'

interface Row {
  plan_id: string
  limits: PlanLimits
  features: PlanFeatures
  limit_overrides: LimitOverrides
  api_calls: string
  queries: string
  tokens: string
  cost_usd: string
}

export interface MeterReading {
  readonly limit: number | null
  readonly used: number
  readonly held: number
  readonly remaining: number | null
  /** Of the limit; null without one. */
  readonly percent: number | null
  readonly overage: number
}

const SELECT_USED = `
select o.plan_id, p.limits, p.features, o.limit_overrides, coalesce(u.api_calls, 0) as api_calls,
  coalesce(u.queries, 0) as queries, coalesce(u.tokens, 0) as tokens, coalesce(u.cost_usd, 0) as cost_usd
from organizations o
join plans p on p.id = o.plan_id
left join lateral (
  select sum(api_calls) as api_calls, sum(queries) as queries, sum(input_tokens + output_tokens) as tokens, sum(cost_usd) as cost_usd
  from usage_hourly where organization_id = o.id and hour >= $2 and hour < $3) u on true
where o.id = $1`

/**
 * An organization's quotas at this moment. What verification counts in real time is read where it counts; the rest, and
 * everything while Redis fails, from what was recorded.
 *
 * @throws Problem `organization_not_found`
 */
export async function readQuotas(deps: Deps, organizationId: string) {
  const period = monthOf(deps.now())
  const [row, counted] = await Promise.all([
    selectUsed(deps.sql, organizationId, period),
    readCounter(deps, organizationId, period),
  ])
  if (!row) throw new Problem('organization_not_found')
  const used = {
    api_calls: counted ?? Number(row.api_calls),
    queries: Number(row.queries),
    tokens: Number(row.tokens),
    cost_usd: Number(row.cost_usd),
  }
  const meters = Object.fromEntries(
    METERS.map((meter) => [meter, readMeter(limitOf(row, meter), used[meter])]),
  ) as Record<(typeof METERS)[number], MeterReading>
  return {
    period: period.name,
    resets_at: new Date(period.end).toISOString(),
    plan: row.plan_id,
    rate_limit_per_minute: row.limit_overrides.rate_limit_per_minute ?? row.limits.rate_limit_per_minute,
    max_api_keys: row.limit_overrides.max_api_keys ?? row.limits.max_api_keys,
    meters,
    features: { ...row.features, ...gaugeLimits(row) },
  }
}

async function selectUsed(sql: Sql, organizationId: string, period: Period): Promise<Row | undefined> {
  const parameters = [organizationId, new Date(period.start).toISOString(), new Date(period.end).toISOString()]
  return ((await sql.query(SELECT_USED, parameters)) as Row[])[0]
}

/** @returns what verification counted, `undefined` when Redis has not counted this month or does not answer */
async function readCounter(deps: Deps, organizationId: string, period: Period): Promise<number | undefined> {
  try {
    const counted = await deps.redis.get<number>(counterKey(organizationId, 'api_calls', period.name))
    return counted ?? undefined
  } catch (error) {
    log('warn', 'quota_counter_unread', errorFields(error))
    return undefined
  }
}

function limitOf(row: Row, meter: Meter): number | null {
  return row.limit_overrides[meter] ?? row.limits.meters[meter]?.limit ?? null
}

function readMeter(limit: number | null, used: number): MeterReading {
  if (limit === null) return { limit, used, held: 0, remaining: null, percent: null, overage: 0 }
  const percent = limit === 0 ? (used > 0 ? 100 : 0) : Math.round((used / limit) * 1000) / 10
  return { limit, used, held: 0, remaining: Math.max(0, limit - used), percent, overage: Math.max(0, used - limit) }
}

/** Gauges have a limit that the operator's API enforces; until something reports them they are values like features. */
function gaugeLimits(row: Row) {
  return Object.fromEntries(GAUGES.map((gauge) => [`max_${gauge}`, limitOf(row, gauge)]))
}
