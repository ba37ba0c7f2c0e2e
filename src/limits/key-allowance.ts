/** The limits on meters in which reservations and reported usage of a key or an organization count. From memory, or with one query. */
import type { LimitOverrides, NamedLimit, PlanLimits } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { createLru } from '../lib/lru.ts'
import { type OwnedLimit, selectConcurrency, selectLimits, selectOrganizationLimits } from './key-limits.ts'
import { toUnits } from './meters/units.ts'

export interface KeyAllowance {
  /** The first key in its line of rotations. Absent for an organization without a key, and for a key that does not exist. */
  readonly lineageId: string | undefined
  readonly version: number
  /** The version of its organization. A change of the plan or of the organization's limits increments it as well. */
  readonly organizationVersion: number
  readonly isActive: boolean
  /** When it expires or was revoked, in Unix milliseconds. A rotated key ends with its grace period. */
  readonly endsAt: number | undefined
  /** Limits of the key and of its organization. Limits of requests are left out: only verifications take units of them. */
  readonly limits: readonly MeteredLimit[]
  readonly maxConcurrent: number | undefined
  /** The markup of its plan, as decimal text: limits of `cost_usd` count the customer's price. */
  readonly markupPercent: string
  /** Its plan's price of a call, in nano-dollars; 0 for none. */
  readonly pricePerCall: number
  /** Unix milliseconds. */
  readonly loadedAt: number
}

export type MeteredLimit = OwnedLimit & { readonly meter: NonNullable<NamedLimit['meter']> }

/** A key of an organization, or the organization alone. */
export interface HolderName {
  readonly organizationId: string
  readonly keyId?: string | null | undefined
}

/** What the allowance of a holder is found by. */
export const holderId = ({ organizationId, keyId }: HolderName) => `${organizationId}:${keyId ?? ''}`

const known = createLru<KeyAllowance>(20_000)

const SELECT = `
select named.place::int as place, coalesce(k.lineage_id, k.id) as lineage_id, coalesce(k.version, 0) as version, o.version as organization_version, coalesce(k.is_active, true) as is_active, extract(epoch from least(k.revoked_at, k.expires_at))::float8 * 1000 as ends_at, coalesce(k.limits, '[]') as limits, k.max_concurrent, p.limits as plan_limits, o.limit_overrides, p.markup_percent::text as markup_percent,
  coalesce(p.price_per_call_usd, 0)::text as price_per_call
from unnest($1::uuid[], $2::uuid[]) with ordinality as named(organization_id, id, place)
join organizations o on o.id = named.organization_id
join plans p on p.id = o.plan_id
left join api_keys k on k.id = named.id and k.organization_id = named.organization_id`

interface Row {
  /** Of the holder among those asked for, from 1. */
  readonly place: number
  readonly lineage_id: string | null
  readonly version: number
  readonly organization_version: number
  readonly is_active: boolean
  readonly ends_at: number | null
  readonly limits: readonly NamedLimit[]
  readonly max_concurrent: number | null
  readonly markup_percent: string
  readonly price_per_call: string
  readonly plan_limits: PlanLimits
  readonly limit_overrides: LimitOverrides
}

/**
 * The allowances of holders, by {@link holderId}. A key that does not exist has what its organization has without it.
 *
 * @param maxAgeMs the maximum age of one in memory
 * @throws when the database does not respond
 */
export async function findAllowances(
  deps: Deps,
  holders: readonly HolderName[],
  maxAgeMs: number,
): Promise<ReadonlyMap<string, KeyAllowance>> {
  const now = deps.now()
  const found = new Map<string, KeyAllowance>()
  const missing = new Map<string, HolderName>()
  for (const holder of holders) {
    const id = holderId(holder)
    const allowance = known.get(id)
    if (allowance && now - allowance.loadedAt < maxAgeMs) found.set(id, allowance)
    else missing.set(id, holder)
  }
  if (missing.size === 0) return found
  const named = [...missing.values()]
  const ids = [named.map(({ organizationId }) => organizationId), named.map(({ keyId = null }) => keyId)]
  for (const row of (await deps.sql.query(SELECT, ids)) as Row[]) {
    const [id, allowance] = [holderId(named[row.place - 1] as HolderName), toAllowance(row, now)]
    known.set(id, allowance)
    found.set(id, allowance)
  }
  return found
}

function toAllowance(row: Row, loadedAt: number): KeyAllowance {
  return {
    lineageId: row.lineage_id ?? undefined,
    version: row.version,
    organizationVersion: row.organization_version,
    isActive: row.is_active,
    endsAt: row.ends_at ?? undefined,
    limits: listLimits(row).filter(isMetered),
    maxConcurrent: selectConcurrency(row.plan_limits, row.max_concurrent),
    markupPercent: row.markup_percent,
    pricePerCall: toUnits('cost_usd', row.price_per_call),
    loadedAt,
  }
}

const listLimits = ({ lineage_id, plan_limits, limits, limit_overrides }: Row): readonly OwnedLimit[] => [
  ...(lineage_id === null ? [] : selectLimits(plan_limits, limits)),
  ...selectOrganizationLimits(plan_limits, limit_overrides),
]

export const isMetered = (limit: OwnedLimit): limit is MeteredLimit => limit.meter !== undefined
