/**
 * Leases: an isolate that verifies one key often takes units in advance and spends them without asking.
 *
 * A quiet key is asked for each time, and exact. A busy one gets a lease for what it will likely need in the next moment,
 * never more than a twentieth of what is left, so that little is stranded when others want it too; what is not spent
 * goes back. Leased units are counted as taken from the start, so no number of isolates, however they end, admits more
 * than a limit; at most the units of outstanding leases less (docs/internals/decisions/0004).
 */
import { runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'
import { waitFor } from '../lib/waiting.ts'
import { toWindowKey } from './admission.ts'
import { GIVE_BACK } from './admission-script.ts'
import { consume } from './consume.ts'
import { type Admission, type LeaseGrant, type LimitDecision, type LimitRequest, quotaKey } from './limit-request.ts'

/** A lease spends on rows confirmed when it was taken: with the promise of 2 s for a revocation in mind. */
const LEASE_MS = 1_500
/** The part of what is left that one lease may have. */
const SHARE = 0.05
/** Verifications a second from which a key is busy. */
const BUSY_PER_SECOND = 5
/** How long nobody asks for a lease again after none was to be had. */
const PAUSE_MS = 1_000
/** After Redis did not answer in time: a lease may have been taken all the same, and then nobody has it. */
const OUTAGE_PAUSE_MS = 30_000
/** Fewer are not worth a lease; so the last two hundred units of any limit are taken one by one, exactly. */
const MIN_UNITS = 10
const MAX_UNITS = 100_000
/** What a key that has just become busy gets: its rate is not known yet. */
const FIRST_UNITS = 20
/** How often a request waits for a lease that others consume, before it asks by itself. */
const MAX_WAITS = 3
const TAKING_MS = 1_000

interface Lease {
  readonly claim: LimitRequest
  readonly decided: LimitDecision
  readonly grant: LeaseGrant
  /** Unix milliseconds by this isolate's clock. */
  readonly until: number
  /** Versions of rows that were confirmed since it was taken: its own, and those of services that asked. */
  confirmed: LimitRequest['versions']
  left: number
}

interface RateSample {
  readonly times: number
  readonly units: number
}

/** What the isolate has seen of one key. */
interface Traffic {
  /** The second it counts in, and what was asked in it and in the one before. */
  second: number
  asked: RateSample
  askedBefore: RateSample
  lease: Lease | undefined
  /** Unix milliseconds until which no lease is asked for. */
  pausedUntil: number
  /** While a lease is being taken: others wait for it rather than ask as well. */
  taking: Promise<unknown> | undefined
  /** Unix milliseconds since when: a taker that is lost, with its request, holds nobody up for longer than a wait. */
  takingSince: number
}

const traffic = createLru<Traffic>(10_000)

/**
 * Takes what a claim asks for from a lease where there is one, else from Redis; and begins a lease when the key is busy.
 * Only for claims whose single window and single amount move together: named limits and repeats are always asked for.
 *
 * @throws what {@link consume} throws
 */
export function consumeLeased(deps: Deps, claim: LimitRequest): Admission | Promise<Admission> {
  const seen = observe(claim)
  if (!isLeasable(claim)) return consume(deps, claim)
  const lease = leaseFor(seen, claim)
  return lease && isConfirmed(lease, claim) ? spend(lease, claim) : takeOrLease(deps, claim, seen)
}

async function takeOrLease(deps: Deps, asked: LimitRequest, seen: Traffic): Promise<Admission> {
  let claim = asked
  for (let waits = 0; waits < MAX_WAITS; waits++) {
    const lease = leaseFor(seen, claim)
    if (lease) return isConfirmed(lease, claim) ? spend(lease, claim) : confirm(deps, lease, claim)
    if (perSecond(seen, 'times') < BUSY_PER_SECOND || claim.now < seen.pausedUntil) break
    if (!seen.taking || claim.now - seen.takingSince >= TAKING_MS) return acquireLease(deps, claim, seen)
    await waitFor(seen.taking, TAKING_MS)
    claim = { ...asked, now: deps.now() } // a lease that was good when it began to wait may be over
  }
  return consume(deps, claim)
}

function isLeasable({ windows, once }: LimitRequest): boolean {
  return windows.length === 1 && once === undefined && windows[0].cost > 0
}

function observe({ windows: [window], now }: LimitRequest): Traffic {
  const second = Math.floor(now / 1000)
  const seen = traffic.get(window.key) ?? createTraffic(window.key, second)
  if (second !== seen.second) {
    seen.askedBefore = second === seen.second + 1 ? seen.asked : NEVER
    seen.asked = NEVER
    seen.second = second
  }
  seen.asked = { times: seen.asked.times + 1, units: seen.asked.units + window.cost }
  return seen
}

const NEVER: RateSample = { times: 0, units: 0 }

function createTraffic(key: string, second: number): Traffic {
  const never = {
    second,
    asked: NEVER,
    askedBefore: NEVER,
    lease: undefined,
    pausedUntil: 0,
    taking: undefined,
    takingSince: 0,
  }
  traffic.set(key, never)
  return never
}

const perSecond = (seen: Traffic, what: keyof RateSample) => Math.max(seen.asked[what], seen.askedBefore[what])

/** @returns the lease of the key when it covers the claim */
function leaseFor({ lease }: Traffic, { windows: [window], quota, now }: LimitRequest): Lease | undefined {
  const isLive = lease && lease.left >= window.cost && now < lease.until
  if (!isLive) return undefined
  const { windows, quota: leased } = lease.claim
  return windows[0].limit === window.limit && leased?.period.start === quota?.period.start ? lease : undefined
}

function isConfirmed({ confirmed }: Lease, { versions }: LimitRequest): boolean {
  return versions.every(({ key, version }) => confirmed.some((row) => row.key === key && row.version === version))
}

function spend(lease: Lease, claim: LimitRequest): LimitDecision {
  lease.left -= claim.windows[0].cost
  return reading(lease)
}

/**
 * This request rests on row versions that the lease has not confirmed. Checks them in Redis once; if that admits the request,
 * later requests with these versions may spend from the lease.
 */
async function confirm(deps: Deps, lease: Lease, claim: LimitRequest): Promise<Admission> {
  const admission = await consume(deps, claim)
  if (admission.outcome === 'admitted') lease.confirmed = [...lease.confirmed, ...claim.versions]
  return admission
}

/** What the counters said when the lease was taken, less what of it is left: those units are taken, but not used. */
function reading({ claim, decided, left }: Lease): LimitDecision {
  const [window] = decided.windows
  return {
    ...decided,
    windows: window ? [{ ...window, remaining: window.remaining + left }] : [],
    meters: decided.meters.map((state, at) =>
      claim.quota?.meters[at]?.amount ? { ...state, used: state.used - left } : state,
    ),
  }
}

async function acquireLease(deps: Deps, claim: LimitRequest, seen: Traffic): Promise<Admission> {
  const taking = acquireUnits(deps, claim, seen)
  seen.takingSince = claim.now
  seen.taking = taking
    .catch(() => undefined)
    .finally(() => {
      if (seen.takingSince === claim.now) seen.taking = undefined // else another took over from this one
    })
  deps.defer(seen.taking) // others wait for it too: it must outlive a caller that hangs up
  try {
    const admission = await taking
    if (!('lease' in admission) || !admission.lease) {
      if ('windows' in admission)
        seen.pausedUntil = claim.now + (admission.isLocal || admission.isRetried ? OUTAGE_PAUSE_MS : PAUSE_MS)
      return admission
    }
    const { lease: grant, ...decided } = admission
    const until = Math.min(claim.now + LEASE_MS, claim.quota?.period.end ?? Number.POSITIVE_INFINITY)
    const lease = { claim, decided, grant, until, confirmed: claim.versions, left: grant.units }
    if (seen.lease) deps.defer(giveBack(deps, seen.lease)) // what is asked for now did not fit into it
    seen.lease = lease
    deps.defer(endLease(deps, lease))
    return reading(lease)
  } catch (error) {
    seen.pausedUntil = claim.now + OUTAGE_PAUSE_MS
    throw error
  }
}

/** Takes what the claim asks for, and what will likely be asked for while a lease lasts. */
function acquireUnits(deps: Deps, claim: LimitRequest, seen: Traffic): Promise<Admission> {
  const expected = Math.ceil((perSecond(seen, 'units') * LEASE_MS) / 1000)
  const units = Math.min(MAX_UNITS, Math.max(FIRST_UNITS, expected))
  const fewest = Math.max(MIN_UNITS, claim.windows[0].cost) // a smaller lease could not serve the next request
  return consume(deps, claim, { units, ms: LEASE_MS, share: SHARE, fewest })
}

async function endLease(deps: Deps, lease: Lease): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, LEASE_MS))
  await giveBack(deps, lease)
}

/** What is left of a lease goes back when its time is over, or when another takes its place. If that fails the limit is short of it, never over. */
async function giveBack(deps: Deps, lease: Lease): Promise<void> {
  const units = lease.left
  lease.left = 0
  if (units === 0) return
  const { windows, quota } = lease.claim
  const keys = [toWindowKey(windows[0].key), ...(quota ? [quotaKey(quota.organizationId, quota.period.name)] : [])]
  const { bucket, born, quotaBorn } = lease.grant
  try {
    await runScript(deps.redis, GIVE_BACK, keys, [units, bucket, born, quotaBorn, lease.decided.generation ?? -1])
  } catch (error) {
    log('warn', 'lease_not_given_back', { units, ...errorFields(error) })
  }
}
