import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { requireOwner } from '../accounts/passwords/reauthenticate.ts'
import { audited } from '../audit/record.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { mayDo } from '../auth/role-permissions.ts'
import { recordBeforeLeaving } from '../billing/overage/job.ts'
import { requireThat, tryBatch } from '../db/batch.ts'
import { lockOrganization } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { erasureSteps, isUnpaid } from './erasure.ts'
import { invalidateDeleted } from './invalidate.ts'
import { holds } from './invitations/queries.ts'
import { noticesToOwners } from './notice.ts'
import { getOwnOrganization } from './organization.ts'
import { isPaidFor, mayBeDeleted, type OrganizationView } from './queries.ts'
import type { OrganizationDeletion } from './schemas.ts'

/**
 * Deletes an organization permanently: its keys stop within two seconds, and sessions that acted for it switch to
 * another organization of their user, if there is one. The audit log and usage totals stay.
 *
 * @throws Problem `reauthentication_required`, `wrong_password`; `invalid_request` if the name does not match;
 *   `platform_organization`; `subscription_active` while one of its subscriptions is charged
 */
export async function removeOrganization(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  { confirm_name, password }: z.output<typeof OrganizationDeletion>,
): Promise<void> {
  const organization = await getOwnOrganization(deps, user, organizationId)
  requireDeletable(organization, confirm_name)
  await requireOwner(deps, user, password)
  const about = { organization: organization.name, except: user.userId }
  const mails = await noticesToOwners(deps, organizationId, 'deleted', about)
  const gone = await erase(deps, user, organization, mails)
  await invalidateDeleted(deps, gone)
  for (const mail of mails) mail.send()
}

function requireDeletable({ name, isPlatform }: OrganizationView, confirmed: string): void {
  if (isPlatform) throw new Problem('platform_organization')
  if (confirmed !== name) {
    throw new Problem('invalid_request', {
      errors: [{ path: 'body.confirm_name', message: 'must be the name of the organization' }],
    })
  }
}

type Mails = Awaited<ReturnType<typeof noticesToOwners>>

/** Deletes everything or nothing; the conditions are checked under the lock. */
async function erase(deps: ManagementDeps, user: UserPrincipal, { id, name, slug }: OrganizationView, mails: Mails) {
  const { db } = deps
  const isOwner = mayDo(id, user.userId, 'organization:delete')
  await recordBeforeLeaving(deps, id)
  const done = await tryBatch(db, {
    lock: lockOrganization(db, id),
    allowed: requireThat(db, sql`${isOwner} and ${mayBeDeleted(id, name)} and ${isUnpaid(id)}`),
    audit: audited(deps, {
      action: 'organization.deleted',
      actor: user,
      organizationId: id,
      target: { type: 'organization', id },
      detail: { name, slug },
    }),
    ...erasureSteps(deps, id),
    mails: mails.map(({ insert }) => insert),
  })
  if (!done) throw await whyNot(deps, id)
  return done.organization
}

/** Finds out why it was not deleted: a concurrent change, or a subscription. */
async function whyNot(deps: ManagementDeps, organizationId: string): Promise<Problem> {
  const isPaid = await holds(deps.db, isPaidFor(organizationId))
  return new Problem(isPaid ? 'subscription_active' : 'organization_not_found')
}
