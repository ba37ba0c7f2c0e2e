import { findRedis } from '../db/redis-databases.ts'
import type { Deps } from '../deps.ts'
import { count } from '../metrics/count.ts'
import { Problem } from '../problems.ts'
import { admit } from './admission.ts'
import { carryPending, keepForLater } from './carry.ts'
import { admitLocally } from './fallback.ts'
import { rememberDecision, trackSent } from './known.ts'
import { rememberCounters } from './known-counters.ts'
import { sendLateUse } from './late-use.ts'
import type { Admission, LeaseRequest, LimitRequest } from './limit-request.ts'
import { retryLost } from './retry.ts'

/**
 * Takes all units of a request, or none. Retries once if the response was lost. While Redis fails, this isolate decides
 * locally, and the units it admits reach the counters before Redis decides the organization's next request.
 *
 * @param lease units to take in addition to the request's own, if any
 * @throws Problem `unavailable` while Redis fails and `ON_LIMITER_OUTAGE` is `closed`
 */
export async function consume(deps: Deps, request: LimitRequest, lease?: LeaseRequest): Promise<Admission> {
  const sent = trackSent(request)
  try {
    if (await carryAll(deps, request)) return { outcome: 'unseeded' }
    let isRetried = false
    const admission = await retryLost(deps, request.organizationId, (isFirst) => {
      isRetried = !isFirst
      return admit(findRedis(deps, request.organizationId), request, isFirst ? lease : undefined) // the lost attempt may have taken a lease already
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
    const admission = admitLocally(request, error)
    if (admission.outcome === 'admitted') keepForLater(request, admission.generation)
    return admission
  } finally {
    sent.end()
  }
}

/** @returns whether fresh figures of Postgres are needed first. @throws when Redis fails */
async function carryAll(deps: Deps, request: LimitRequest): Promise<boolean> {
  await sendLateUse(deps, request.quota?.organizationId)
  return (await carryPending(deps, request)) && request.quota !== undefined && !request.quota.isFresh
}
