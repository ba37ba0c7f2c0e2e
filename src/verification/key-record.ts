import { toFamily } from '../db/plan-version.ts'
import { type MeterName, toMeterName } from '../db/schema/meter-names.ts'
import { type Counter, forEachMeter, METERS, type Meter, selectCounters } from '../db/schema/meters.ts'
import type { LimitOverrides, NamedLimit, PlanFeatures, PlanLimits } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { type Period, toPeriod } from '../lib/period.ts'
import { type CreditRow, type CreditState, readCredits, selectCredits } from '../limits/credits/credits.ts'
import { applySpendCap, type Capped, type SpendCapRow, selectSpendCap } from '../limits/credits/spend-cap.ts'
import { isRequestWindow, type OwnedLimit, selectLimits, selectOrganizationLimits } from '../limits/key-limits.ts'
import type { Recorded } from '../limits/limit-request.ts'
import {
  type CustomMeters,
  NO_CUSTOM_METERS,
  recordCustom,
  selectCustomMeters,
  withChargeLanes,
} from '../limits/meters/custom.ts'
import { findPlanned, limitOf, toScaledUnits } from '../limits/meters/quantities.ts'
import { toUnits } from '../limits/meters/units.ts'
import type { Environment } from './key-format.ts'
import type { KeyState } from './rules.ts'

/** Everything that a verdict depends on: the key, its organization and its plan. Times in Unix milliseconds. */
export interface KeyRecord extends KeyState {
  readonly keyId: string
  /** The first key in its line of rotations. All keys of the line count in the same windows. */
  readonly lineageId: string
  readonly version: number
  readonly organizationId: string
  readonly organizationVersion: number
  /** The operator's own id of the organization, if it has one. */
  readonly externalId: string | null
  readonly isPlatform: boolean
  readonly userId: string | null
  readonly name: string
  readonly environment: Environment
  readonly metadata: Record<string, unknown>
  readonly plan: string
  readonly features: PlanFeatures
  readonly ratePerMinute: number
  /** The key's own limit, as it was set. `null` uses the organization's limit. */
  readonly customRateLimit: number | null
  /** Rolling windows of requests, of the key and of its organization. */
  readonly windowLimits: readonly OwnedLimit[]
  /** All other limits of both: of meters, and of calendar periods. */
  readonly counterLimits: readonly OwnedLimit[]
  /** Absent for an organization that uses none. */
  readonly credits: CreditState | undefined
  /** The charge for each unit of a verification's cost; absent for none. */
  readonly callPrice: CallPrice | undefined
  /** The key's own maximum of concurrent holds. `null` uses the plan's. */
  readonly maxConcurrent: number | null
  /** The meters that a verification consumes or that can refuse it. */
  readonly meters: readonly MeterQuota[]
  /** Other meters that a verification may consume. */
  readonly customMeters: CustomMeters
  readonly limits: PlanLimits
  readonly overrides: LimitOverrides
  /** When usage periods start, in Unix milliseconds; undefined for calendar months. */
  readonly periodAnchor: number | undefined
  /** The period that `used` covers. */
  readonly period: Period
  /** Units used in that period when the record was read, in whole units (limits/meters/units.ts). */
  readonly used: Recorded
}

interface CallPrice {
  readonly nanoUsd: number
  /** The same as decimal text. */
  readonly usd: string
}

export interface MeterQuota {
  readonly meter: MeterName
  /** For a custom meter: how many decimals its amounts have. */
  readonly scale?: number
  /** Units of a custom meter that the request takes. */
  readonly amount?: number
  /** In whole units. `null` means no limit. */
  readonly limit: number | null
  /** Whether the limit refuses requests, or only starts the overage. */
  readonly blocks: boolean
  /** The name in refusals, if not the meter. */
  readonly refusedBy?: Capped['refusedBy']
  /** For charges: the cap that overage counts towards as well. */
  readonly spend?: Capped['spend']
}

interface Row extends Readonly<Record<Counter, string>> {
  id: string
  lineage_id: string
  version: number
  organization_id: string
  organization_version: number
  external_id: string | null
  is_platform: boolean
  created_by: string | null
  name: string
  environment: Environment
  scopes: string[]
  is_active: boolean
  expires_at: number | null
  revoked_at: number | null
  is_suspended: boolean
  custom_rate_limit: number | null
  is_rate_limit_granted: boolean
  named_limits: NamedLimit[]
  max_concurrent: number | null
  period_anchor: number | null
  allowed_ips: string[] | null
  metadata: Record<string, unknown>
  plan_id: string
  limit_overrides: LimitOverrides
  limits: PlanLimits
  features: PlanFeatures
  even_calls: string
  odd_calls: string
  even_charges: string
  odd_charges: string
  price_per_call: string | null
  custom_meters: CustomMeters | null
  spend_cap: SpendCapRow | null
  credits: CreditRow | null
}

/**
 * One query loads everything. Times are selected as numbers, because the driver's timestamp parser changes for the
 * whole isolate once drizzle is loaded. The look-up is by hash alone, because only the key tells which organization it
 * belongs to. Every join after that names the organization.
 */
const SELECT_KEY = `
select k.id, coalesce(k.lineage_id, k.id) as lineage_id, k.version, k.organization_id, o.version as organization_version, o.external_id, o.is_platform, k.created_by, k.name,
  k.environment, k.scopes, k.is_active, extract(epoch from k.expires_at)::float8 * 1000 as expires_at,
  extract(epoch from k.revoked_at)::float8 * 1000 as revoked_at, o.suspended_at is not null as is_suspended,
  k.custom_rate_limit, k.is_rate_limit_granted, k.limits as named_limits, k.max_concurrent, k.allowed_ips, k.metadata, o.plan_id,
  o.limit_overrides, extract(epoch from o.period_anchor)::float8 * 1000 as period_anchor, plan_limits(p.limits, o.limit_additions) as limits, p.features,
  coalesce(u.even_calls, 0) as even_calls, coalesce(u.odd_calls, 0) as odd_calls,
  coalesce(u.even_charges, 0) as even_charges, coalesce(u.odd_charges, 0) as odd_charges, p.price_per_call_usd::text as price_per_call,
  ${selectSpendCap('usage_period_start(o.period_anchor, $2::timestamptz)')} as spend_cap,
  ${selectCredits('$2::timestamptz')} as credits,
  ${selectCounters('u', (amount) => `coalesce(${amount}, 0)`)},
  ${selectCustomMeters('o.id', 'usage_period_start(o.period_anchor, $2::timestamptz)')}
from api_keys k
join organizations o on o.id = k.organization_id
join plans p on p.id = o.plan_id
left join usage_periods u on u.organization_id = o.id
  and u.period_start = usage_period_start(o.period_anchor, $2::timestamptz)
where k.key_hash = decode($1, 'hex')`

/** @param hash SHA-256 of the key, in hex */
export async function selectKey(deps: Deps, hash: string, now: number): Promise<KeyRecord | undefined> {
  const [row] = (await deps.sql.query(SELECT_KEY, [hash, new Date(now).toISOString()])) as Row[]
  return row && toRecord(row, now)
}

function toRecord(row: Row, now: number): KeyRecord {
  const periodAnchor = row.period_anchor ?? undefined
  const limits = listLimits(row)
  return {
    keyId: row.id,
    lineageId: row.lineage_id,
    version: row.version,
    organizationId: row.organization_id,
    organizationVersion: row.organization_version,
    externalId: row.external_id,
    isPlatform: row.is_platform,
    userId: row.created_by,
    name: row.name,
    environment: row.environment,
    scopes: row.scopes,
    isActive: row.is_active,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    suspended: row.is_suspended,
    allowedIps: row.allowed_ips ?? undefined,
    metadata: row.metadata,
    plan: toFamily(row.plan_id),
    features: row.features,
    ratePerMinute: rateLimit(row),
    customRateLimit: row.custom_rate_limit,
    windowLimits: limits.filter(isRequestWindow),
    counterLimits: limits.filter((limit) => !isRequestWindow(limit)),
    credits: readCredits(row.credits),
    callPrice: readCallPrice(row),
    maxConcurrent: row.max_concurrent,
    meters: [...METERS.map((meter) => meterQuota(row, meter)), ...customQuotas(row)].filter((quota) =>
      isOfVerification(quota, row),
    ),
    customMeters: row.custom_meters ?? NO_CUSTOM_METERS,
    limits: row.limits,
    overrides: row.limit_overrides,
    periodAnchor,
    period: toPeriod(periodAnchor, now),
    used: withChargeLanes(
      {
        ...forEachMeter(METERS, (meter) => toUnits(meter, row[meter])),
        lanes: [Number(row.even_calls), Number(row.odd_calls)],
        ...(row.custom_meters && recordCustom(row.custom_meters)),
      },
      [toUnits('cost_usd', row.even_charges), toUnits('cost_usd', row.odd_charges)],
    ),
  }
}

/** Those of the organization last. */
function listLimits({ limits, named_limits, limit_overrides }: Row): readonly OwnedLimit[] {
  const ofOrganization = selectOrganizationLimits(limits, limit_overrides)
  const ofKey = selectLimits(limits, named_limits)
  return ofOrganization.length === 0 ? ofKey : [...ofKey, ...ofOrganization]
}

function meterQuota({ limits, limit_overrides, spend_cap, custom_meters }: Row, meter: Meter): MeterQuota {
  const planned = limits.meters[meter]
  const limit = limit_overrides[meter] ?? planned?.limit ?? null
  const units = limit === null ? null : toUnits(meter, limit)
  const blocks = planned?.at_limit !== 'allow'
  const capped = applySpendCap(meter, blocks ? units : null, spend_cap, custom_meters ?? NO_CUSTOM_METERS)
  return capped.refusedBy || capped.spend ? { meter, blocks: true, ...capped } : { meter, limit: units, blocks }
}

function customQuotas({ custom_meters, limits, limit_overrides }: Row): MeterQuota[] {
  return Object.keys(custom_meters ?? NO_CUSTOM_METERS).flatMap((slug) =>
    (custom_meters as CustomMeters)[slug]?.kind === 'counter'
      ? [customQuota(slug, (custom_meters as CustomMeters)[slug]?.scale ?? 0, { limits, overrides: limit_overrides })]
      : [],
  )
}

/** A custom counter under the limits of an organization. */
export function customQuota(
  slug: string,
  scale: number,
  { limits, overrides }: Pick<KeyRecord, 'limits' | 'overrides'>,
): MeterQuota {
  const meter = toMeterName(slug)
  const limit = limitOf(limits, overrides, meter)
  const blocks = findPlanned({ limits }, meter)?.at_limit !== 'allow'
  return { meter, scale, limit: limit === null ? null : toScaledUnits(limit, scale), blocks }
}

/** Calls and their price are always counted here. Any other meter matters only if its limit refuses requests. */
function isOfVerification({ meter, limit, blocks }: MeterQuota, { price_per_call }: Row): boolean {
  return meter === 'api_calls' || (blocks && limit !== null) || (meter === 'cost_usd' && price_per_call !== null)
}

function readCallPrice({ price_per_call: usd, is_platform }: Row): CallPrice | undefined {
  return usd === null || is_platform ? undefined : { nanoUsd: toUnits('cost_usd', usd), usd }
}

/**
 * The key's own limit. It exceeds the organization's only if an administrator set it, so a downgrade binds every key.
 */
function rateLimit({ custom_rate_limit: custom, is_rate_limit_granted, limit_overrides, limits }: Row): number {
  const organizations = limit_overrides.rate_limit_per_minute ?? limits.rate_limit_per_minute
  if (custom === null) return organizations
  return is_rate_limit_granted ? custom : Math.min(custom, organizations)
}
