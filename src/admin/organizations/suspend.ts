import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { invalidateOrganizations } from '../../organizations/invalidate.ts'
import { noticesToOwners } from '../../organizations/notice.ts'
import { Problem } from '../../problems.ts'
import { getOrganization } from './organization.ts'
import { isSuspendable, type OrganizationView, selectVersion, updateSuspension } from './queries.ts'

interface SuspensionAct {
  readonly operator: Operator
  readonly organizationId: string
  readonly suspended: boolean
  readonly reason: string | undefined
}

/**
 * Suspends or resumes an organization: its keys are refused, or accepted again, within two seconds. Its owners are notified by
 * email. Idempotent. If it is already suspended because its members are disabled, enabling them no longer resumes it.
 *
 * @throws Problem `organization_not_found`, `platform_organization`
 */
export async function suspendOrganization(deps: ManagementDeps, request: SuspensionAct): Promise<OrganizationView> {
  const { operator, organizationId, suspended, reason } = request
  const { name, isPlatform } = await getOrganization(deps, organizationId)
  if (isPlatform) throw new Problem('platform_organization')
  const kind = suspended ? 'suspended' : 'resumed'
  const mails = await noticesToOwners(deps, organizationId, kind, { organization: name, reason })
  const done = await tryBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    allowed: requireThat(deps.db, isSuspendable(organizationId, suspended)),
    audit: audited(deps, {
      action: `admin.organization_${kind}`,
      actor: operator,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { ...(reason !== undefined && { reason }) },
    }),
    changed: updateSuspension(deps.db, organizationId, suspended ? { at: new Date(deps.now()), reason } : undefined),
    mails: mails.map(({ insert }) => insert),
  })
  const version = await selectVersion(deps.db, organizationId)
  // publish on a repeat as well: the first request may have failed after its commit
  if (version !== undefined) await invalidateOrganizations(deps, [{ id: organizationId, version }])
  if (done) for (const mail of mails) mail.send()
  return getOrganization(deps, organizationId)
}
