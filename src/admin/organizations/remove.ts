import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { isOrganization } from '../../db/conditions.ts'
import { lockOrganization } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { erasureSteps, isUnpaid } from '../../organizations/erasure.ts'
import { invalidateDeleted } from '../../organizations/invalidate.ts'
import { noticesToOwners } from '../../organizations/notice.ts'
import { getOrganization } from './organization.ts'
import { isCustomer } from './queries.ts'

/**
 * Deletes an organization for good: its keys stop within two seconds, its owners are told by email. The audit log and sums
 * of usage stay.
 *
 * @throws Problem `organization_not_found`, `platform_organization`; `subscription_active` while somebody pays for it
 */
export async function deleteCustomer(deps: ManagementDeps, operator: Operator, organizationId: string): Promise<void> {
  const { db } = deps
  const { name, slug, externalId } = await getOrganization(deps, organizationId)
  const mails = await noticesToOwners(deps, organizationId, 'deleted', { organization: name })
  const { organization } = await runBatch(db, {
    lock: lockOrganization(db, organizationId),
    found: requireThat(db, isOrganization(organizationId), 'organization_not_found'),
    customer: requireThat(db, isCustomer(organizationId), 'platform_organization'),
    unpaid: requireThat(db, isUnpaid(organizationId), 'subscription_active'),
    audit: audited(deps, {
      action: 'organization.deleted',
      actor: operator,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { name, slug, ...(externalId !== null && { external_id: externalId }) },
    }),
    ...erasureSteps(deps, organizationId),
    mails: mails.map(({ insert }) => insert),
  })
  await invalidateDeleted(deps, organization)
  for (const mail of mails) mail.send()
}
