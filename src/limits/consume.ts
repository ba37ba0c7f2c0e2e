import type { Deps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { admit } from './admission.ts'
import { carryPending, keepForLater } from './carry.ts'
import { admitLocally } from './fallback.ts'
import { rememberDecision, trackSent } from './known.ts'
import type { Admission, LeaseRequest, LimitRequest } from './limit-request.ts'
import { retryLost } from './retry.ts'

/**
 * Takes what a claim asks for, all or nothing. A lost answer is asked for again; while Redis fails, this isolate decides
 * alone, and what it admits reaches the counters before Redis decides the organization's next claim.
 *
 * @param lease units wanted beyond the claim's own, if any
 * @throws Problem `unavailable` while Redis fails and `ON_LIMITER_OUTAGE` is `closed`
 */
export async function consume(deps: Deps, claim: LimitRequest, lease?: LeaseRequest): Promise<Admission> {
  const sent = trackSent(claim)
  try {
    if ((await carryPending(deps, claim)) && claim.quota && !claim.quota.isFresh) return { outcome: 'unseeded' }
    let isRetried = false
    const admission = await retryLost(deps, (isFirst) => {
      isRetried = !isFirst
      return admit(deps.redis, claim, isFirst ? lease : undefined) // the lost try may have taken a lease already
    })
    if (!('meters' in admission)) return admission
    rememberDecision(claim, admission, sent)
    return isRetried ? { ...admission, isRetried: true } : admission
  } catch (error) {
    sent.end() // it is decided here: what was lost of it takes from the limit, and never adds to it
    if (deps.config.ON_LIMITER_OUTAGE === 'closed')
      throw new Problem('unavailable', { detail: 'Limits cannot be checked.' })
    const admission = admitLocally(claim, error)
    if (admission.outcome === 'admitted') keepForLater(claim, admission.generation)
    return admission
  } finally {
    sent.end()
  }
}
