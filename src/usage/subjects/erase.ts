import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import { forgetSubject, queueSubjectErasure } from '../../db/usage-erasure.ts'
import type { ManagementDeps } from '../../deps.ts'

interface Wanted {
  readonly organizationId: string
  readonly subject: string
}

/**
 * Makes a subject's usage anonymous: its sums are added to those of erased subjects at once; a job removes the subject, the
 * address, the user agent and the metadata from its raw events. Its cost still counts. Idempotent.
 */
export async function eraseSubject(deps: ManagementDeps, principal: Principal, wanted: Wanted): Promise<void> {
  await runBatch(deps.db, {
    queued: queueSubjectErasure(deps.db, wanted, new Date(deps.now())),
    sums: forgetSubject(deps.db, wanted),
    audit: audited(deps, { action: 'usage.subject_erased', actor: principal, organizationId: wanted.organizationId }),
  })
}
