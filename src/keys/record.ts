import type { LimitOverrides, PlanFeatures, PlanLimits } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { monthOf } from '../lib/period.ts'
import type { Environment } from './format.ts'
import type { Judged } from './rules.ts'

/** Everything a verdict needs of a key, its organization and its plan. Times in Unix milliseconds. */
export interface KeyRecord extends Judged {
  readonly keyId: string
  readonly version: number
  readonly organizationId: string
  readonly organizationVersion: number
  readonly isPlatform: boolean
  readonly userId: string | null
  readonly name: string
  readonly environment: Environment
  readonly metadata: Record<string, unknown>
  readonly plan: string
  readonly features: PlanFeatures
  readonly ratePerMinute: number
  readonly apiCalls: ApiCallQuota
}

interface ApiCallQuota {
  /** `null`: there is none. */
  readonly limit: number | null
  /** Whether the limit refuses, or only starts the overage. */
  readonly blocks: boolean
  /** Used in the month named, when the record was read. */
  readonly used: number
  readonly month: string
}

interface Row {
  id: string
  version: number
  organization_id: string
  organization_version: number
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
  allowed_ips: string[] | null
  metadata: Record<string, unknown>
  plan_id: string
  limit_overrides: LimitOverrides
  limits: PlanLimits
  features: PlanFeatures
  api_calls: string
}

/**
 * One query for all of it. Times come as numbers: how the driver parses a timestamp changes for the whole isolate once
 * drizzle is loaded. It looks up by the hash alone, since the key is what says which organization is asking;
 * everything after it names that organization.
 */
const SELECT_KEY = `
select k.id, k.version, k.organization_id, o.version as organization_version, o.is_platform, k.created_by, k.name,
  k.environment, k.scopes, k.is_active, extract(epoch from k.expires_at)::float8 * 1000 as expires_at,
  extract(epoch from k.revoked_at)::float8 * 1000 as revoked_at, o.suspended_at is not null as is_suspended,
  k.custom_rate_limit, k.is_rate_limit_granted, k.allowed_ips, k.metadata, o.plan_id, o.limit_overrides, p.limits, p.features,
  (select coalesce(sum(api_calls), 0) from usage_hourly u
    where u.organization_id = o.id and u.hour >= $2 and u.hour < $3) as api_calls
from api_keys k
join organizations o on o.id = k.organization_id
join plans p on p.id = o.plan_id
where k.key_hash = decode($1, 'hex')`

/** @param hash SHA-256 of the key, in hex */
export async function selectKey(deps: Deps, hash: string, now: number): Promise<KeyRecord | undefined> {
  const month = monthOf(now)
  const parameters = [hash, new Date(month.start).toISOString(), new Date(month.end).toISOString()]
  const [row] = (await deps.sql.query(SELECT_KEY, parameters)) as Row[]
  return row && toRecord(row, month.name)
}

function toRecord(row: Row, month: string): KeyRecord {
  return {
    keyId: row.id,
    version: row.version,
    organizationId: row.organization_id,
    organizationVersion: row.organization_version,
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
    apiCalls: apiCallQuota(row, month),
  }
}

function apiCallQuota(row: Row, month: string): ApiCallQuota {
  const planned = row.limits.meters.api_calls
  const limit = row.limit_overrides.api_calls ?? planned?.limit ?? null
  return { limit, blocks: planned?.at_limit !== 'allow', used: Number(row.api_calls), month }
}

/** A key's own limit; above the organization's only where an administrator set it, so that a downgrade binds every key. */
function rateLimit({ custom_rate_limit: custom, is_rate_limit_granted, limit_overrides, limits }: Row): number {
  const organizations = limit_overrides.rate_limit_per_minute ?? limits.rate_limit_per_minute
  if (custom === null) return organizations
  return is_rate_limit_granted ? custom : Math.min(custom, organizations)
}
