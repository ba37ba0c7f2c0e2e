import type { Deps } from '../deps.ts'
import { createLru } from '../lib/lru.ts'
import { waitFor } from '../lib/waiting.ts'
import { getUse, type OrganizationUse } from './quotas.ts'

export interface Allowance {
  readonly use: OrganizationUse
  /** Unix milliseconds. */
  readonly loadedAt: number
}

/** As for keys (verification/cache.ts): with the time that loading may take, the bound on a change while Redis fails. */
const HARD_AGE_MS = 25_000
/** Somewhat longer than a query may take. */
const LOAD_MS = 6_000

const allowances = createLru<Allowance>(10_000)
const loading = new Map<string, Promise<Allowance>>()

/**
 * What an organization may use, from this isolate's memory or with one query, which those who ask at once share.
 *
 * @throws Problem `organization_not_found`, or `unavailable` when the database does not answer
 */
export async function findAllowance(deps: Deps, organizationId: string): Promise<Allowance> {
  const known = allowances.get(organizationId)
  const now = deps.now()
  const isGood = known && now - known.loadedAt < HARD_AGE_MS && now < known.use.period.end
  return isGood ? known : reloadAllowance(deps, organizationId)
}

/** Past the cache: what it holds has been overtaken, or counters need their true values. */
export async function reloadAllowance(deps: Deps, organizationId: string): Promise<Allowance> {
  const underway = loading.get(organizationId)
  const loaded = underway && (await waitFor(underway, LOAD_MS))
  if (loaded) return loaded
  const load = loadAllowance(deps, organizationId).finally(() => {
    if (loading.get(organizationId) === load) loading.delete(organizationId) // else another request took over from this one
  })
  loading.set(organizationId, load)
  deps.defer(load.catch(() => undefined)) // others wait for it too: it must outlive a caller that hangs up
  return load
}

async function loadAllowance(deps: Deps, organizationId: string): Promise<Allowance> {
  const loadedAt = deps.now()
  const allowance = { use: await getUse(deps.sql, organizationId, loadedAt), loadedAt }
  allowances.set(organizationId, allowance)
  return allowance
}
