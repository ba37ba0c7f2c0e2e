import type { Deps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { admit } from './admission.ts'
import type { Admission, Claim, LeaseRequest } from './claim.ts'
import { admitAlone, rememberUsed } from './outage.ts'

/**
 * Takes what a claim asks for, all or nothing; while Redis fails, decided by this isolate alone.
 *
 * @param lease units wanted beyond the claim's own, if any
 * @throws Problem `unavailable` while Redis fails and `ON_LIMITER_OUTAGE` is `closed`
 */
export async function take(deps: Deps, claim: Claim, lease?: LeaseRequest): Promise<Admission> {
  try {
    const admission = await admit(deps.redis, claim, lease)
    if ('meters' in admission) rememberUsed(claim, admission.meters)
    return admission
  } catch (error) {
    if (deps.config.ON_LIMITER_OUTAGE === 'closed')
      throw new Problem('unavailable', { detail: 'Limits cannot be checked.' })
    return admitAlone(claim, error)
  }
}
