import type { Deps } from '../deps.ts'
import { createLru } from '../lib/lru.ts'
import { waitFor } from '../lib/waiting.ts'
import { isLapsed } from './credits/credits.ts'
import { getUse, type OrganizationUse } from './quotas.ts'

export interface Allowance {
  readonly use: OrganizationUse
  /** Unix milliseconds. */
  readonly loadedAt: number
}

/** As for keys (verification/cache.ts): together with the load time, it bounds how long a change stays unseen while Redis fails. */
const HARD_AGE_MS = 25_000
/** Slightly longer than a query may take. */
const LOAD_MS = 6_000

const allowances = createLru<Allowance>(10_000)
const loading = new Map<string, Promise<Allowance>>()

/**
 * Finds an organization's limits and usage, in this isolate's memory or with one query that concurrent requests share.
 *
 * @throws Problem `organization_not_found`, or `unavailable` when the database does not respond
 */
export async function findAllowance(deps: Deps, organizationId: string): Promise<Allowance> {
  const known = allowances.get(organizationId)
  const now = deps.now()
  const isGood =
    known && now - known.loadedAt < HARD_AGE_MS && now < known.use.period.end && !isLapsed(known.use.credits, now)
  return isGood ? known : reloadAllowance(deps, organizationId)
}

/** Reloads, bypassing the cache: the cached row is stale, or counters need the figures of Postgres. */
export async function reloadAllowance(deps: Deps, organizationId: string): Promise<Allowance> {
  const underway = loading.get(organizationId)
  const loaded = underway && (await waitFor(underway, LOAD_MS))
  if (loaded) return loaded
  const load = loadAllowance(deps, organizationId).finally(() => {
    if (loading.get(organizationId) === load) loading.delete(organizationId) // else another request took over from this one
  })
  loading.set(organizationId, load)
  deps.defer(load.catch(() => undefined)) // other requests wait for it, so it must outlive a caller that disconnects
  return load
}

async function loadAllowance(deps: Deps, organizationId: string): Promise<Allowance> {
  const loadedAt = deps.now()
  const allowance = { use: await getUse(deps.sql, organizationId, loadedAt), loadedAt }
  allowances.set(organizationId, allowance)
  return allowance
}
