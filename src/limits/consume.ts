import { findRedis } from '../db/redis-databases.ts'
import type { Deps } from '../deps.ts'
import { count } from '../metrics/count.ts'
import { Problem } from '../problems.ts'
import { admit } from './admission.ts'
import type { Admission, LeaseRequest, LimitRequest } from './limit-request.ts'
import { carryPending, type Decided, findPending, keepForLater } from './outage/carry.ts'
import { admitLocally } from './outage/decide.ts'
import { rememberDecision, trackSent } from './outage/known.ts'
import { rememberCounters } from './outage/known-counters.ts'
import { sendLateUse } from './outage/late-use.ts'
import { withMarker } from './outage/marked-admissions.ts'
import { isUnsteady, retryLost } from './retry.ts'

/**
 * Takes all units of a request, or none. Retries if the response was lost. From then on, for a minute, each request has a
 * marker, so that its units count once: by one of the attempts, however late, or when they are carried. While Redis fails, this isolate decides
 * locally, and the units it admits reach the counters before Redis decides the organization's next request.
 *
 * @param lease units to take in addition to the request's own, if any
 * @throws Problem `unavailable` while Redis fails and `ON_LIMITER_OUTAGE` is `closed`
 */
export async function consume(deps: Deps, request: LimitRequest, lease?: LeaseRequest): Promise<Admission> {
  const sent = trackSent(request)
  let marked: LimitRequest | undefined
  const mark = () => (marked ??= withMarker(request))
  const first = isUnsteady(deps, request.organizationId) ? mark() : request
  try {
    if (await carryAll(deps, request)) return { outcome: 'unseeded' }
    let isRetried = false
    const admission = await retryLost(deps, request.organizationId, (isFirst) => {
      isRetried = !isFirst
      const redis = findRedis(deps, request.organizationId)
      return isFirst ? admit(redis, first, lease) : admit(redis, mark()) // the lost attempt may have taken a lease already
    })
    if (!('meters' in admission)) return admission
    rememberDecision(request, admission, sent)
    rememberCounters({ counters: request.counters, states: admission.counters, sent, now: request.now })
    return isRetried ? { ...admission, isRetried: true } : admission
  } catch (error) {
    // the request is decided locally; units that the lost attempt took count against the limit, never beyond it
    sent.end()
    const isClosed = deps.config.ON_LIMITER_OUTAGE === 'closed'
    count('limiterOutages', isClosed ? 'refused' : 'local')
    if (isClosed) throw new Problem('unavailable', { detail: 'Limits cannot be checked.' })
    return decideLocally(mark(), error)
  } finally {
    sent.end()
  }
}

function decideLocally(request: LimitRequest, error: unknown): Admission {
  const earlier = findPending(request)
  if (earlier && earlier.once.body !== request.once?.body) return { outcome: 'reused' }
  if (earlier) return repeatLocally(request, earlier.generation, error)
  const admission = admitLocally(request, error)
  if (admission.outcome === 'admitted') keepForLater(request, admission.generation)
  return admission
}

/** A repeat of a request that this isolate admitted takes nothing. */
function repeatLocally(request: LimitRequest, generation: number | undefined, error: unknown): Admission {
  const { generation: _latest, ...admission } = admitLocally(withoutCosts(request), error)
  return { ...admission, ...(generation !== undefined && { generation }) }
}

const free = <Counter extends { cost: number }>(counter: Counter): Counter => ({ ...counter, cost: 0 })

function withoutCosts({ windows: [first, ...others], quota, counters, ...request }: LimitRequest): LimitRequest {
  return {
    ...request,
    windows: [free(first), ...others.map(free)],
    ...(counters && { counters: counters.map(free) }),
    ...(quota && { quota: { ...quota, meters: quota.meters.map((meter) => ({ ...meter, amount: 0 })) } }),
  }
}

/**
 * Carries to Redis what this isolate counted without it, before Redis decides the organization's next request.
 *
 * @returns whether fresh figures of Postgres are needed first. @throws when Redis fails
 */
export async function carryAll(deps: Deps, request: Decided): Promise<boolean> {
  await sendLateUse(deps, request.quota?.organizationId)
  return (await carryPending(deps, request)) && request.quota !== undefined && !request.quota.isFresh
}
