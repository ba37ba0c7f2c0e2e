import { type Counter, forEachMeter, METERS, type Meter, selectCounters } from '../db/schema/meters.ts'
import type { LimitOverrides, NamedLimit, PlanFeatures, PlanLimits } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { type Period, toPeriod } from '../lib/period.ts'
import type { Recorded } from '../limits/limit-request.ts'
import { toUnits } from '../limits/meter-units.ts'
import type { Environment } from './key-format.ts'
import type { KeyState } from './rules.ts'

/** Everything that a verdict needs to know of a key, its organization and its plan. Times in Unix milliseconds. */
export interface KeyRecord extends KeyState {
  readonly keyId: string
  /** The first key in its line of rotations. All keys of the line count in the same windows. */
  readonly lineageId: string
  readonly version: number
  readonly organizationId: string
  readonly organizationVersion: number
  /** The operator's own id of the organization, where it has one. */
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
  readonly namedLimits: readonly NamedLimit[]
  /** The meters that a verification consumes or that can refuse it. */
  readonly meters: readonly MeterQuota[]
  /** Where usage periods begin, in Unix milliseconds; undefined for calendar months. */
  readonly periodAnchor: number | undefined
  /** The period that `used` covers. */
  readonly period: Period
  /** Units used in that period when the record was read, in whole units (limits/meter-units.ts). */
  readonly used: Recorded
}

interface MeterQuota {
  readonly meter: Meter
  /** In whole units. `null` means no limit. */
  readonly limit: number | null
  /** Whether the limit refuses requests, or only starts the overage. */
  readonly blocks: boolean
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
  period_anchor: number | null
  allowed_ips: string[] | null
  metadata: Record<string, unknown>
  plan_id: string
  limit_overrides: LimitOverrides
  limits: PlanLimits
  features: PlanFeatures
  even_calls: string
  odd_calls: string
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
  k.custom_rate_limit, k.is_rate_limit_granted, k.limits as named_limits, k.allowed_ips, k.metadata, o.plan_id,
  o.limit_overrides, extract(epoch from o.period_anchor)::float8 * 1000 as period_anchor, p.limits, p.features,
  coalesce(u.even_calls, 0) as even_calls, coalesce(u.odd_calls, 0) as odd_calls,
  ${selectCounters('u', (amount) => `coalesce(${amount}, 0)`)}
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
    plan: row.plan_id,
    features: row.features,
    ratePerMinute: rateLimit(row),
    customRateLimit: row.custom_rate_limit,
    namedLimits: row.named_limits,
    meters: METERS.map((meter) => meterQuota(row, meter)).filter(isOfVerification),
    periodAnchor,
    period: toPeriod(periodAnchor, now),
    used: {
      ...forEachMeter(METERS, (meter) => toUnits(meter, row[meter])),
      lanes: [Number(row.even_calls), Number(row.odd_calls)],
    },
  }
}

function meterQuota({ limits, limit_overrides }: Row, meter: Meter): MeterQuota {
  const planned = limits.meters[meter]
  const limit = limit_overrides[meter] ?? planned?.limit ?? null
  return { meter, limit: limit === null ? null : toUnits(meter, limit), blocks: planned?.at_limit !== 'allow' }
}

/** Calls are counted here. Any other meter matters only if its limit refuses requests. */
function isOfVerification({ meter, limit, blocks }: MeterQuota): boolean {
  return meter === 'api_calls' || (blocks && limit !== null)
}

/**
 * The key's own limit. It exceeds the organization's only if an administrator set it, so a downgrade binds every key.
 */
function rateLimit({ custom_rate_limit: custom, is_rate_limit_granted, limit_overrides, limits }: Row): number {
  const organizations = limit_overrides.rate_limit_per_minute ?? limits.rate_limit_per_minute
  if (custom === null) return organizations
  return is_rate_limit_granted ? custom : Math.min(custom, organizations)
}
