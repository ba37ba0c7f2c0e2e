import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { recordBeforeLeaving } from '../../billing/overage/job.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { isOrganization } from '../../db/conditions.ts'
import { lockOrganization } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { erasureSteps, isUnpaid } from '../../organizations/erasure.ts'
import { invalidateDeleted, invalidateDeletedBefore } from '../../organizations/invalidate.ts'
import { noticesToOwners } from '../../organizations/notice.ts'
import { Problem } from '../../problems.ts'
import { findOrganization, isCustomer } from './queries.ts'

/**
 * Deletes an organization permanently: its keys stop within two seconds, its owners are notified by email. The audit log and
 * usage totals stay.
 *
 * @throws Problem `organization_not_found`, `platform_organization`; `subscription_active` while a subscription is charged
 */
export async function deleteCustomer(deps: ManagementDeps, operator: Operator, organizationId: string): Promise<void> {
  const { db } = deps
  const found = await findOrganization(db, organizationId)
  if (!found) {
    await invalidateDeletedBefore(deps, organizationId)
    throw new Problem('organization_not_found')
  }
  const { name, slug, externalId } = found
  const mails = await noticesToOwners(deps, organizationId, 'deleted', { organization: name })
  await recordBeforeLeaving(deps, organizationId)
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
