import type * as z from 'zod'
import { welcomeMail } from '../../accounts/email/mail.ts'
import { insertEmailToken } from '../../accounts/email/queries.ts'
import { newAccount } from '../../accounts/new-account.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { lockOrganization } from '../../db/locks.ts'
import { memberships, organizations } from '../../db/schema/organizations.ts'
import { users } from '../../db/schema/users.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { getOrganization } from '../organizations/organization.ts'
import { isCustomer } from '../organizations/queries.ts'
import { getUser } from './actions.ts'
import type { UserView } from './queries.ts'
import type { NewUser } from './schemas.ts'

/**
 * Makes an account without a password: its owner sets one by the link of a mail. A member of the organization that is
 * named, else with a personal organization like whoever registers.
 *
 * @throws Problem `email_taken`, `organization_not_found`, `platform_organization`
 */
export async function createUser(
  deps: ManagementDeps,
  operator: Operator,
  organizationId: string | undefined,
  { email, name, role, send_invitation }: Omit<z.output<typeof NewUser>, 'organization_id' | 'external_id'>,
): Promise<UserView> {
  const { db } = deps
  const organization = organizationId === undefined ? undefined : await getOrganization(deps, organizationId)
  const account = newAccount({ email, name }, deps.now())
  const { id: userId } = account.user
  const home = organization?.id ?? account.organization.id
  const mail = send_invitation ? welcomeMail(deps, { userId, email }) : undefined
  try {
    await runBatch(db, {
      lock: organization && lockOrganization(db, home),
      customer: organization && requireThat(db, isCustomer(home), 'platform_organization'),
      organization: organization ? undefined : db.insert(organizations).values(account.organization),
      user: db.insert(users).values(account.user),
      membership: db.insert(memberships).values({ organizationId: home, userId, role: organization ? role : 'owner' }),
      audit: audited(deps, {
        action: 'admin.user_created',
        actor: operator,
        organizationId: home,
        target: { type: 'user', id: userId },
        detail: { ...(organization && { role }) },
      }),
      token: mail && insertEmailToken(db, mail.token),
      mail: mail?.insert,
    })
  } catch (error) {
    if (brokenConstraint(error) !== 'users_email_unique') throw error
    throw new Problem('email_taken', { errors: [{ path: 'body.email', message: 'has an account' }] })
  }
  mail?.send()
  return getUser(deps, userId)
}
