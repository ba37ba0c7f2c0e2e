/**
 * Leases: an isolate that often verifies the same key takes units in advance and spends them without a round trip.
 *
 * For a quiet key, every request goes to Redis and is exact. A busy key gets a lease for the units it will likely need
 * in the next moment, never more than a twentieth of the rest, so that few units are stranded when other isolates need
 * them. Unspent units go back. Leased units count as taken from the start, so no number of isolates, however they end,
 * admits more than a limit; at worst it admits fewer, by the units of outstanding leases
 * (docs/internals/decisions/0004).
 */

import { findRedis } from '../db/redis-databases.ts'
import { runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, logRepeated } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'
import { sleep } from '../lib/sleep.ts'
import { waitFor } from '../lib/waiting.ts'
import { count } from '../metrics/count.ts'
import { toWindowKey } from './admission.ts'
import { consume } from './consume.ts'
import {
  type Admission,
  type LeaseGrant,
  type LimitDecision,
  type LimitRequest,
  type MeterRequest,
  type MeterState,
  quotaKey,
} from './limit-request.ts'
import { GIVE_BACK } from './scripts/admission.ts'

/** A lease spends on rows confirmed when it was taken. It is short enough for a revocation to apply within 2 s. */
const LEASE_MS = 1_500
/** The largest share of the rest that one lease may take. */
const SHARE = 0.05
/** The verifications per second from which a key is busy. */
const BUSY_PER_SECOND = 5
/** How long no lease is requested after none was available. */
const PAUSE_MS = 1_000
/**
 * The pause after Redis did not respond in time. The lease may have been taken anyway, and then no isolate has it.
 */
const OUTAGE_PAUSE_MS = 30_000
/** Fewer are not worth a lease. So the last two hundred units of any limit are taken one by one, exactly. */
const MIN_UNITS = 10
const MAX_UNITS = 100_000
/** The lease of a key that has just become busy, whose rate is not known yet. */
const FIRST_UNITS = 20
/** How often a request waits for another one that acquires a lease before it asks Redis itself. */
const MAX_WAITS = 3
const ACQUIRE_MS = 1_000

interface Lease {
  readonly request: LimitRequest
  readonly decided: LimitDecision
  readonly grant: LeaseGrant
  /** Unix milliseconds by this isolate's clock. */
  readonly until: number
  /**
   * Versions of rows that were confirmed since the lease was taken: its own, and those of services that requested
   * verdicts.
   */
  confirmed: LimitRequest['versions']
  left: number
}

interface RateSample {
  readonly times: number
  readonly units: number
}

/** The requests for one key that this isolate has seen. */
interface Traffic {
  /** The current second, its requests so far, and those of the previous second. */
  second: number
  current: RateSample
  previous: RateSample
  lease: Lease | undefined
  /** No lease is requested before this time, in Unix milliseconds. */
  pausedUntil: number
  /** Set while a lease is being acquired. Other requests wait for it instead of acquiring one as well. */
  acquiring: Promise<unknown> | undefined
  /** Unix milliseconds. If a request is canceled while it acquires a lease, others wait no longer than ACQUIRE_MS. */
  acquiringSince: number
}

const traffic = createLru<Traffic>(10_000)

/**
 * Takes the units of a request from the key's lease if there is one, else from Redis. Acquires a lease if the key is
 * busy. A leased unit stands for one call and its price. So these requests always go to Redis: those with an idempotency key or
 * cost 0, those with other windows than the rate limit, and those that take units of a key limit or of a custom meter.
 *
 * @throws what {@link consume} throws
 */
export function consumeLeased(deps: Deps, request: LimitRequest): Admission | Promise<Admission> {
  const seen = observe(request)
  if (!isLeasable(request)) return consume(deps, request)
  const lease = findLease(seen, request)
  return lease && isConfirmed(lease, request) ? spend(lease, request) : consumeOrLease(deps, request, seen)
}

async function consumeOrLease(deps: Deps, original: LimitRequest, seen: Traffic): Promise<Admission> {
  let request = original
  for (let waits = 0; waits < MAX_WAITS; waits++) {
    const lease = findLease(seen, request)
    if (lease) return isConfirmed(lease, request) ? spend(lease, request) : confirm(deps, lease, request)
    if (perSecond(seen, 'times') < BUSY_PER_SECOND || request.now < seen.pausedUntil) break
    if (!seen.acquiring || request.now - seen.acquiringSince >= ACQUIRE_MS) return acquireLease(deps, request, seen)
    await waitFor(seen.acquiring, ACQUIRE_MS)
    request = { ...original, now: deps.now() } // a lease may have ended during the wait
  }
  return consume(deps, request)
}

function isLeasable({ windows, once, quota, counters = [] }: LimitRequest): boolean {
  const takesOthers = quota?.meters.some(({ meter, amount, each }) => amount > 0 && meter !== 'api_calls' && !each)
  const takesCounters = counters.some(({ cost, each }) => cost > 0 && !each)
  return windows.length === 1 && once === undefined && windows[0].cost > 0 && !takesOthers && !takesCounters
}

function observe({ windows: [window], now }: LimitRequest): Traffic {
  const second = Math.floor(now / 1000)
  const seen = traffic.get(window.key) ?? createTraffic(window.key, second)
  if (second !== seen.second) {
    seen.previous = second === seen.second + 1 ? seen.current : NO_REQUESTS
    seen.current = NO_REQUESTS
    seen.second = second
  }
  seen.current = { times: seen.current.times + 1, units: seen.current.units + window.cost }
  return seen
}

const NO_REQUESTS: RateSample = { times: 0, units: 0 }

function createTraffic(key: string, second: number): Traffic {
  const quiet = {
    second,
    current: NO_REQUESTS,
    previous: NO_REQUESTS,
    lease: undefined,
    pausedUntil: 0,
    acquiring: undefined,
    acquiringSince: 0,
  }
  traffic.set(key, quiet)
  return quiet
}

const perSecond = (seen: Traffic, unit: keyof RateSample) => Math.max(seen.current[unit], seen.previous[unit])

/** @returns the key's lease if it covers the request */
function findLease({ lease }: Traffic, request: LimitRequest): Lease | undefined {
  const {
    windows: [window],
    quota,
    now,
  } = request
  const isLive = lease && lease.left >= window.cost && now < lease.until
  if (!isLive) return undefined
  const { windows, quota: leased } = lease.request
  const isSame = windows[0].limit === window.limit && leased?.period.start === quota?.period.start
  const costsSame = findEach(lease.request) === findEach(request)
  return isSame && costsSame && looksAtSame(lease.request, request) ? lease : undefined
}

/** The money that each unit takes, in nano-dollars; 0 for none. */
function findEach({ quota }: LimitRequest): number {
  for (const { each } of quota?.meters ?? []) if (each !== undefined) return each
  return 0
}

/** Whether two requests use the same counters: same subject, limits and periods. */
function looksAtSame({ counters: leased = [] }: LimitRequest, { counters = [] }: LimitRequest): boolean {
  return leased.length === counters.length && counters.every(({ key }, at) => key === leased[at]?.key)
}

function isConfirmed({ confirmed }: Lease, { versions }: LimitRequest): boolean {
  return versions.every(({ key, version }) => confirmed.some((row) => row.key === key && row.version === version))
}

function spend(lease: Lease, request: LimitRequest): LimitDecision {
  const { cost } = request.windows[0]
  lease.left -= cost
  count('leaseUnits', 'spent', cost)
  return readLease(lease)
}

/**
 * The request depends on row versions that the lease has not confirmed. Checks them in Redis once. If Redis admits the
 * request, later requests with these versions may spend from the lease.
 */
async function confirm(deps: Deps, lease: Lease, request: LimitRequest): Promise<Admission> {
  const admission = await consume(deps, request)
  if (admission.outcome === 'admitted') lease.confirmed = [...lease.confirmed, ...request.versions]
  return admission
}

/** The counters as of when the lease was taken, without its unspent units: those are taken, but not used. */
function readLease({ request, decided, left }: Lease): LimitDecision {
  const [window] = decided.windows
  return {
    ...decided,
    windows: window ? [{ ...window, remaining: window.remaining + left }] : [],
    meters: decided.meters.map((state, at) => withoutUnspent(state, request.quota?.meters[at], left)),
  }
}

function withoutUnspent(state: MeterState, asked: MeterRequest | undefined, left: number): MeterState {
  return asked?.amount ? { ...state, used: state.used - left * (asked.each ?? 1) } : state
}

async function acquireLease(deps: Deps, request: LimitRequest, seen: Traffic): Promise<Admission> {
  const acquiring = acquireUnits(deps, request, seen)
  seen.acquiringSince = request.now
  seen.acquiring = acquiring
    .catch(() => undefined)
    .finally(() => {
      // else another request took over from this one
      if (seen.acquiringSince === request.now) seen.acquiring = undefined
    })
  deps.defer(seen.acquiring) // other requests wait for it, so it must outlive a caller that disconnects
  try {
    const admission = await acquiring
    if (!('lease' in admission) || !admission.lease) {
      if ('windows' in admission)
        seen.pausedUntil = request.now + (admission.isLocal || admission.isRetried ? OUTAGE_PAUSE_MS : PAUSE_MS)
      return admission
    }
    const { lease: grant, ...decided } = admission
    const until = Math.min(request.now + LEASE_MS, lastsUntil(request))
    const lease = { request, decided, grant, until, confirmed: request.versions, left: grant.units }
    if (seen.lease) deps.defer(giveBack(deps, seen.lease)) // the current request did not fit into it
    seen.lease = lease
    count('leases', '')
    count('leaseUnits', 'taken', grant.units)
    deps.defer(endLease(deps, lease))
    return readLease(lease)
  } catch (error) {
    seen.pausedUntil = request.now + OUTAGE_PAUSE_MS
    throw error
  }
}

/** Unix milliseconds: after that the units count elsewhere, or the limit changes. */
function lastsUntil({ quota, counters = [] }: LimitRequest): number {
  const never = Number.POSITIVE_INFINITY
  return Math.min(quota?.period.end ?? never, ...counters.map(({ lapsesAt }) => lapsesAt ?? never))
}

/** Takes the request's units, and those that will likely be needed while a lease lasts. */
function acquireUnits(deps: Deps, request: LimitRequest, seen: Traffic): Promise<Admission> {
  const expected = Math.ceil((perSecond(seen, 'units') * LEASE_MS) / 1000)
  const units = Math.min(MAX_UNITS, Math.max(FIRST_UNITS, expected))
  const minUnits = Math.max(MIN_UNITS, request.windows[0].cost) // a smaller lease could not serve the next request
  return consume(deps, request, { units, ms: LEASE_MS, share: SHARE, minUnits })
}

async function endLease(deps: Deps, lease: Lease): Promise<void> {
  await sleep(LEASE_MS)
  await giveBack(deps, lease)
}

/** Returns the rest of a lease when it ends or is replaced. If that fails, the limit admits fewer units, never more. */
async function giveBack(deps: Deps, lease: Lease): Promise<void> {
  const units = lease.left
  lease.left = 0
  if (units === 0) return
  const { windows, quota } = lease.request
  const balance = lease.request.counters?.find(({ each }) => each !== undefined)
  const keys = [
    toWindowKey(windows[0].key),
    ...(quota ? [quotaKey(quota.organizationId, quota.period.name)] : []),
    ...(quota && balance ? [balance.key] : []),
  ]
  const { bucket, born, quotaBorn, balanceBorn } = lease.grant
  const generation = lease.decided.generation ?? -1
  const each = findEach(lease.request)
  try {
    await runScript(findRedis(deps, lease.request.organizationId), GIVE_BACK, keys, [
      units,
      bucket,
      born,
      quotaBorn,
      generation,
      each,
      balanceBorn,
    ])
    count('leaseUnits', 'returned', units)
  } catch (error) {
    count('leaseUnits', 'stranded', units)
    logRepeated('warn', 'lease_not_given_back', { units, ...errorFields(error) })
  }
}
