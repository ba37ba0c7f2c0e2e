import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { requirePassword } from '../accounts/passwords/reauthenticate.ts'
import { requireSecondFactor, type SecondFactor } from '../accounts/two-factor/factor.ts'
import type { Proof } from '../accounts/two-factor/proof.ts'
import { getOwnProfile } from '../accounts/user.ts'
import { audited } from '../audit/record.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { recordBeforeLeaving } from '../billing/overage/job.ts'
import { requireThat, type Statement, tryBatch } from '../db/batch.ts'
import { lockLeavingUser, lockOwnOrganizations } from '../db/locks.ts'
import { anonymizeEvents } from '../db/usage-erasure.ts'
import type { ManagementDeps } from '../deps.ts'
import { published } from '../events/publish.ts'
import { statesPublished } from '../events/state.ts'
import { membersRemoved, organizationsEvent } from '../events/subjects.ts'
import { endApplications } from '../keys/applications.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersion } from '../limits/versions.ts'
import { notice } from '../mail/notice.ts'
import { invalidateDeleted } from '../organizations/invalidate.ts'
import { Problem } from '../problems.ts'
import {
  canBeDeleted,
  deleteOwnOrganizations,
  deleteUser,
  detachKeys,
  keptOrganizations,
  listOwnedAlone,
  listOwnerless,
  listPaidFor,
  ownedAlone,
} from './queries.ts'
import type { Deletion } from './schemas.ts'

/**
 * Deletes an account permanently: the user, all sessions, and a personal organization without other members, whose keys stop
 * within two seconds. Requires the password and, if enabled, the second factor. The audit log and usage totals stay.
 *
 * @throws Problem `wrong_password`, `invalid_code`; `last_owner`, which names the organizations that would have no owner;
 *   `subscription_active`, which names those that would be deleted although a subscription is still charged
 */
export async function deleteAccount(
  deps: ManagementDeps,
  user: UserPrincipal,
  { password, ...factor }: z.output<typeof Deletion>,
): Promise<void> {
  await requirePassword(deps, user, password)
  const proof = user.hasTwoFactor ? await requireFactor(deps, user, factor) : undefined
  const profile = await getOwnProfile(deps, user)
  const mail = notice(deps, profile, 'account_deleted')
  const { userId, organizationId } = user
  const audit = audited(deps, {
    action: 'account.deleted',
    actor: user,
    organizationId,
    target: { type: 'user', id: userId },
  })
  await eraseAccount(deps, userId, [audit, mail.insert, ...(proof?.statements ?? [])], 'unauthenticated')
  proof?.notify()
  mail.send()
}

async function requireFactor(deps: ManagementDeps, user: UserPrincipal, factor: SecondFactor): Promise<Proof> {
  if (factor.code === undefined && factor.passkey === undefined) {
    const message = 'is needed: the account has a second factor'
    throw new Problem('invalid_request', { errors: [{ path: 'body.code', message }] })
  }
  return requireSecondFactor(deps, user.userId, factor)
}

/**
 * Deletes a user and the user's personal organization if nobody else is a member, atomically. Its keys stop within two
 * seconds.
 *
 * @param effects statements of the same batch, such as the audit row
 * @param gone the problem if another request deleted the account meanwhile
 * @throws Problem `last_owner`, `subscription_active`, `gone`
 */
export async function eraseAccount(
  deps: ManagementDeps,
  userId: string,
  effects: readonly Statement[],
  gone: 'unauthenticated' | 'user_not_found',
): Promise<void> {
  const { db } = deps
  for (const id of await listOwnedAlone(db, userId)) await recordBeforeLeaving(deps, id)
  const done = await tryBatch(db, {
    locks: [lockOwnOrganizations(db, userId), lockLeavingUser(db, userId)],
    allowed: requireThat(db, canBeDeleted(userId)),
    events: [
      published(
        deps,
        membersRemoved(sql`m.user_id = ${userId}::uuid and m.organization_id in ${keptOrganizations(userId)}`),
      ),
      published(deps, organizationsEvent('organization.deleted', ownedAlone(userId))),
      ...statesPublished(deps, keptOrganizations(userId)),
    ],
    applications: endApplications(deps, userId), // before `detachKeys` clears the keys' creator
    keys: detachKeys(db, userId),
    usage: anonymizeEvents(db, ownedAlone(userId), new Date(deps.now())),
    organizations: deleteOwnOrganizations(db, userId),
    effects,
    user: deleteUser(db, userId),
  })
  if (!done) throw (await whyNot(deps, userId)) ?? new Problem(gone)
  await Promise.all([
    ...done.keys.map(({ id, version }) => publishVersion(deps, keyVersionKey(id), version)),
    invalidateDeleted(deps, done.organizations),
  ])
}

async function whyNot(deps: ManagementDeps, userId: string): Promise<Problem | undefined> {
  const ownerless = await listOwnerless(deps.db, userId)
  if (ownerless.length > 0) return new Problem('last_owner', { errors: toFieldErrors(ownerless, 'has no other owner') })
  const paidFor = await listPaidFor(deps.db, userId)
  if (paidFor.length > 0)
    return new Problem('subscription_active', { errors: toFieldErrors(paidFor, 'has a subscription') })
  return undefined
}

function toFieldErrors(organizations: readonly { readonly id: string; readonly name: string }[], why: string) {
  return organizations.map(({ id, name }) => ({ path: `organizations.${id}`, message: `${name} ${why}` }))
}
