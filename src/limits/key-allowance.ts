/** The limits of keys on meters, and of their concurrency, for reservations and reported use: in memory, or with one query. */
import type { NamedLimit, PlanLimits } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { createLru } from '../lib/lru.ts'
import { selectConcurrency, selectLimits } from './key-limits.ts'
import { toUnits } from './meter-units.ts'

export interface KeyAllowance {
  readonly keyId: string
  /** The first key in its line of rotations. */
  readonly lineageId: string
  readonly version: number
  readonly isActive: boolean
  /** When it expires or was revoked, in Unix milliseconds. A rotated key ends when its grace does. */
  readonly endsAt: number | undefined
  /** All but those of requests, of which only verifications take units. */
  readonly limits: readonly MeteredLimit[]
  readonly maxConcurrent: number | undefined
  /** Of its plan: limits of `cost_usd` go by what the customer pays. Decimal text. */
  readonly markupPercent: string
  /** Of its plan: what a call costs, in nano-dollars; 0 for nothing. */
  readonly pricePerCall: number
  /** Unix milliseconds. */
  readonly loadedAt: number
}

export type MeteredLimit = NamedLimit & { readonly meter: NonNullable<NamedLimit['meter']> }

/** A key of an organization. */
export interface KeyName {
  readonly organizationId: string
  readonly keyId: string
}

const known = createLru<KeyAllowance>(20_000)

const SELECT = `
select k.id, coalesce(k.lineage_id, k.id) as lineage_id, k.version, k.is_active, extract(epoch from least(k.revoked_at, k.expires_at))::float8 * 1000 as ends_at, k.limits, k.max_concurrent, p.limits as plan_limits, p.markup_percent::text as markup_percent,
  coalesce(p.price_per_call_usd, 0)::text as price_per_call
from unnest($1::uuid[], $2::uuid[]) as named(organization_id, id)
join api_keys k on k.id = named.id and k.organization_id = named.organization_id
join organizations o on o.id = k.organization_id
join plans p on p.id = o.plan_id`

interface Row {
  readonly id: string
  readonly lineage_id: string
  readonly version: number
  readonly is_active: boolean
  readonly ends_at: number | null
  readonly limits: readonly NamedLimit[]
  readonly max_concurrent: number | null
  readonly markup_percent: string
  readonly price_per_call: string
  readonly plan_limits: PlanLimits
}

/**
 * The allowances of keys, by their ids. A key that does not exist has none.
 *
 * @param maxAgeMs how old one in memory may be
 * @throws when the database does not answer
 */
export async function findKeyAllowances(
  deps: Deps,
  keys: readonly KeyName[],
  maxAgeMs: number,
): Promise<ReadonlyMap<string, KeyAllowance>> {
  const now = deps.now()
  const found = new Map<string, KeyAllowance>()
  const missing = new Map<string, KeyName>()
  for (const key of keys) {
    const allowance = known.get(key.keyId)
    if (allowance && now - allowance.loadedAt < maxAgeMs) found.set(key.keyId, allowance)
    else missing.set(key.keyId, key)
  }
  if (missing.size === 0) return found
  const named = [...missing.values()]
  const ids = [named.map(({ organizationId }) => organizationId), named.map(({ keyId }) => keyId)]
  for (const row of (await deps.sql.query(SELECT, ids)) as Row[]) {
    const allowance = toAllowance(row, now)
    known.set(row.id, allowance)
    found.set(row.id, allowance)
  }
  return found
}

function toAllowance(row: Row, loadedAt: number): KeyAllowance {
  return {
    keyId: row.id,
    lineageId: row.lineage_id,
    version: row.version,
    isActive: row.is_active,
    endsAt: row.ends_at ?? undefined,
    limits: selectLimits(row.plan_limits, row.limits).filter(isMetered),
    maxConcurrent: selectConcurrency(row.plan_limits, row.max_concurrent),
    markupPercent: row.markup_percent,
    pricePerCall: toUnits('cost_usd', row.price_per_call),
    loadedAt,
  }
}

const isMetered = (limit: NamedLimit): limit is MeteredLimit => limit.meter !== undefined
