import { sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { anonymizeEvents } from '../../db/usage-erasure.ts'
import type { ManagementDeps } from '../../deps.ts'
import { published } from '../../events/publish.ts'
import { organizationEvent } from '../../events/subjects.ts'
import { invalidateDeleted } from '../../organizations/invalidate.ts'
import { noticesToOwners } from '../../organizations/notice.ts'
import { deleteMemberships, deleteOrganization, isPaidFor, leaveSessions } from '../../organizations/queries.ts'
import { getOrganization } from './organization.ts'
import { isCustomer, isOrganization } from './queries.ts'

/**
 * Deletes an organization for good: its keys stop within two seconds, its owners are told by mail. The audit log and sums
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
    unpaid: requireThat(db, sql`not ${isPaidFor(organizationId)}`, 'subscription_active'),
    audit: audited(deps, {
      action: 'organization.deleted',
      actor: operator,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { name, slug, ...(externalId !== null && { external_id: externalId }) },
    }),
    event: published(deps, organizationEvent('organization.deleted', organizationId)), // while there is a name to tell
    memberships: deleteMemberships(db, organizationId),
    sessions: leaveSessions(db, organizationId),
    usage: anonymizeEvents(db, sql`(${organizationId}::uuid)`, new Date(deps.now())),
    organization: deleteOrganization(db, organizationId),
    mails: mails.map(({ insert }) => insert),
  })
  await invalidateDeleted(deps, organization)
  for (const mail of mails) mail.send()
}
