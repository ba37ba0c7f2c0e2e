import type { Deps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { type Admission, admit, type Claim } from './admission.ts'
import { admitAlone, rememberUsed } from './outage.ts'

/**
 * Takes what a claim asks for, all or nothing; while Redis fails, decided by this isolate alone.
 *
 * @throws Problem `unavailable` while Redis fails and `ON_LIMITER_OUTAGE` is `closed`
 */
export async function take(deps: Deps, claim: Claim): Promise<Admission> {
  try {
    const admission = await admit(deps.redis, claim)
    if ('used' in admission) rememberUsed(claim, admission.used)
    return admission
  } catch (error) {
    if (deps.config.ON_LIMITER_OUTAGE === 'closed')
      throw new Problem('unavailable', { detail: 'Limits cannot be checked.' })
    return admitAlone(claim, error)
  }
}
