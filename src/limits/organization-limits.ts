/** What is left of an organization's named limits, and how many of its reservations are open. */
import { toSlug } from '../db/schema/meter-names.ts'
import type { Deps } from '../deps.ts'
import { formatIso } from '../lib/iso.ts'
import { errorFields, logRepeated } from '../lib/log.ts'
import type { ConcurrencyReading, OrganizationLimit } from '../rpc-types.ts'
import { consume } from './consume.ts'
import type { CounterState } from './counter.ts'
import {
  buildCounter,
  isRequestWindow,
  type OwnedLimit,
  readMeter,
  selectOrganizationLimits,
  toLimitUnits,
  toWindowName,
} from './key-limits.ts'
import { type KeySeeds, loadKeySeeds } from './key-seeds.ts'
import { formatLimitUnits } from './limit-reading.ts'
import { type LimitDecision, organizationSlotsKey, type WindowRequest } from './limit-request.ts'
import type { OrganizationUse } from './quotas.ts'
import type { WindowReading } from './window.ts'

interface OrganizationLimits {
  readonly organization_limits: OrganizationLimit[]
  readonly max_concurrent: ConcurrencyReading | null
}

/** What to look at, in the order of the answer. */
interface Looked {
  readonly organizationId: string
  readonly windows: readonly OwnedLimit[]
  readonly counters: readonly OwnedLimit[]
  /** The most reservations that may be open at once. */
  readonly concurrency: number | undefined
}

/** The most reservations of an organization that may be open at once: its own number, else its plan's. */
export const selectOrganizationConcurrency = ({ overrides, limits }: OrganizationUse): number | undefined =>
  overrides.max_concurrent ?? limits.max_concurrent ?? undefined

/**
 * Reads all of them in one round trip. An organization without any costs none. While Redis does not answer, and of limits that
 * each subject has for itself, nothing is known but the limits.
 */
export async function describeOrganizationLimits(
  deps: Deps,
  organizationId: string,
  use: OrganizationUse,
): Promise<OrganizationLimits> {
  const limits = selectOrganizationLimits(use.limits, use.overrides)
  const shared = limits.filter(({ per }) => per === undefined)
  const concurrency = selectOrganizationConcurrency(use)
  const windows = shared.filter(isRequestWindow)
  const counters = shared.filter((limit) => !isRequestWindow(limit))
  const isAny = shared.length > 0 || concurrency !== undefined
  const counted = isAny ? await tryLook(deps, { organizationId, windows, counters, concurrency }) : undefined
  const states = new Map<OwnedLimit, CounterState | undefined>([
    ...windows.map((limit, at) => [limit, toState(counted?.windows[at + 1])] as const),
    ...counters.map((limit, at) => [limit, counted?.counters?.[at]] as const),
  ])
  return {
    organization_limits: limits.map((limit) => toReading(limit, states.get(limit))),
    max_concurrent:
      concurrency === undefined
        ? null
        : { limit: concurrency, open: counted ? (counted.counters?.at(-1)?.held ?? 0) : null },
  }
}

const toState = (window: WindowReading | undefined): CounterState | undefined =>
  window && { used: window.limit - window.remaining, held: 0, reset: window.reset }

function toReading(limit: OwnedLimit, state: CounterState | undefined): OrganizationLimit {
  const { name, window_seconds, period, per, cost } = limit
  const most = toLimitUnits(limit)
  const format = (units: number) => formatLimitUnits(limit, units)
  return {
    name,
    meter: toSlug(readMeter(limit)),
    limit: format(most),
    ...(window_seconds !== undefined && { window_seconds }),
    ...(period !== undefined && { period }),
    ...(per !== undefined && { per }),
    ...(limit.meter === undefined && { cost }),
    used: state ? format(state.used) : null,
    held: state ? format(state.held) : null,
    remaining: state ? format(Math.max(0, most - state.used - state.held)) : null,
    resets_at: state && state.reset !== null ? formatIso(state.reset) : null,
  }
}

async function tryLook(deps: Deps, looked: Looked): Promise<LimitDecision | undefined> {
  try {
    const first = await look(deps, looked)
    const counted = first.outcome === 'uncounted' ? await look(deps, looked, await loadSeeds(deps, looked)) : first
    return 'windows' in counted && !counted.isLocal ? counted : undefined
  } catch (error) {
    logRepeated('warn', 'organization_limits_unread', errorFields(error))
    return undefined
  }
}

const loadSeeds = (deps: Deps, { organizationId, counters: limits }: Looked) =>
  loadKeySeeds(deps, { organizationId, limits, now: deps.now() })

/** A request that takes nothing. */
function look(deps: Deps, { organizationId, windows, counters, concurrency }: Looked, seeds?: KeySeeds) {
  const now = deps.now()
  const asked = counters.map((limit) => {
    const counter = buildCounter(limit, { organizationId }, now)
    return { ...counter, cost: 0, ...seeds?.get(counter.key) }
  })
  const slots =
    concurrency === undefined ? [] : [{ key: organizationSlotsKey(organizationId), limit: concurrency, cost: 0 }]
  return consume(deps, {
    now,
    aheadMs: deps.redisAheadMs,
    organizationId,
    windows: [toRateWindow(organizationId), ...windows.map((limit) => toWindow(organizationId, limit))],
    counters: [...asked, ...slots],
    versions: [],
  })
}

/** The first window of a request is the rate limit of a key. An organization has none, so nothing is in this one. */
const toRateWindow = (organizationId: string): WindowRequest => ({
  key: `organization:${organizationId}`,
  windowMs: 60_000,
  limit: 1,
  cost: 0,
})

const toWindow = (organizationId: string, limit: OwnedLimit): WindowRequest => ({
  key: toWindowName(limit, { organizationId }),
  windowMs: (limit.window_seconds ?? 0) * 1000,
  limit: limit.limit,
  cost: 0,
})
