import { errorFields, log } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'
import { type Admission, type Claim, readWindow } from './admission.ts'

interface LocalWindow {
  index: number
  current: number
  previous: number
}

const windows = createLru<LocalWindow>(10_000)
const quotas = createLru<number>(10_000)

/** How often this isolate had to decide alone; logged with every entry so that an alert can look at its growth. */
let fallbacks = 0

/** Remembers what a counter said, as the last known figure for when Redis cannot be asked. */
export function rememberUsed(claim: Claim, used: readonly number[]): void {
  for (const [at, quota] of claim.quotas.entries()) quotas.set(quota.counter, used[at] ?? 0)
}

/**
 * Decides a claim while Redis fails: the same rules, counted in this isolate alone. The rate limit then holds per
 * isolate and the quota against the last known figure; what is admitted is still recorded, so the truth catches up.
 */
export function admitAlone(claim: Claim, error: unknown): Admission {
  fallbacks += 1
  log('warn', 'limiter_outage', { fallbacks, ...errorFields(error) })
  const window = localWindow(claim)
  const state = { now: claim.now, windowMs: claim.windowMs, limit: claim.limit, ...window }
  const used = claim.quotas.map((quota) => Math.max(quotas.get(quota.counter) ?? 0, quota.recorded))
  const full = claim.quotas.some(
    ({ amount, limit }, at) => amount > 0 && limit !== null && (used[at] ?? 0) + amount > limit,
  )

  const reading = readWindow(state)
  if (claim.cost > reading.remaining) return { outcome: 'rate_limited', window: readWindow(state, claim.cost), used }
  if (full) return { outcome: 'quota_exceeded', window: reading, used }
  window.current += claim.cost
  const after = claim.quotas.map((quota, at) => (used[at] ?? 0) + quota.amount)
  rememberUsed(claim, after)
  return { outcome: 'admitted', window: readWindow({ ...state, current: window.current }), used: after }
}

function localWindow(claim: Claim): LocalWindow {
  const index = Math.floor(claim.now / claim.windowMs)
  const known = windows.get(claim.windowKey)
  if (known?.index === index) return known
  const fresh = { index, current: 0, previous: known?.index === index - 1 ? known.current : 0 }
  windows.set(claim.windowKey, fresh)
  return fresh
}
