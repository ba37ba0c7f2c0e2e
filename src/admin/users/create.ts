import type * as z from 'zod'
import { welcomeMail } from '../../accounts/email/mail.ts'
import { type NewAccount, newAccount } from '../../accounts/new-account.ts'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch, type Statement } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { lockOrganization } from '../../db/locks.ts'
import { toFamily } from '../../db/plan-version.ts'
import { memberships, organizations } from '../../db/schema/organizations.ts'
import { users } from '../../db/schema/users.ts'
import { hasSeatFor } from '../../db/seats.ts'
import type { ManagementDeps } from '../../deps.ts'
import { hasRole } from '../../organizations/roles/role.ts'
import { Problem } from '../../problems.ts'
import { getOrganization } from '../organizations/organization.ts'
import type { UserView } from './queries.ts'
import type { NewUser } from './schemas.ts'
import { toAdminUser } from './user.ts'

type NewUserInput = Omit<z.output<typeof NewUser>, 'organization_id' | 'external_id'>

/**
 * Creates an account without a password: its owner sets one with a link from an email. The user becomes a member of the named
 * organization, or else owns a personal organization, as after registration.
 *
 * @throws Problem `email_taken`, `organization_not_found`, `platform_organization`, `role_not_found`, `seat_limit_reached`
 */
export async function createUser(
  deps: ManagementDeps,
  operator: Operator,
  organizationId: string | undefined,
  input: NewUserInput,
): Promise<UserView> {
  const customer = organizationId === undefined ? undefined : await getCustomer(deps, organizationId)
  const account = newAccount({ email: input.email, name: input.name, isSelfRegistered: false }, deps.now())
  const { id: userId, email } = account.user
  const created = describe(account, customer && { ...customer, role: input.role })
  const mail = input.send_invitation ? welcomeMail(deps, { userId, email }) : undefined
  await orEmailTaken(
    runBatch(deps.db, {
      home: organizationId === undefined ? personalHome(deps, account) : withSeat(deps, organizationId, input),
      user: deps.db.insert(users).values(account.user),
      ...membership(deps, operator, { account, organizationId, role: input.role }),
      token: mail?.insertToken,
      mail: mail?.insert,
      answer: await keepAnswer(deps, 201, toAdminUser(created)),
    }),
  )
  mail?.send()
  return created
}

/** A service key cannot add anybody to the platform organization: that would create an administrator. */
async function getCustomer(deps: ManagementDeps, organizationId: string): Promise<Home> {
  const { id, name, planId, isPlatform } = await getOrganization(deps, organizationId)
  if (isPlatform) throw new Problem('platform_organization')
  return { id, name, planId }
}

interface Home {
  readonly id: string
  readonly name: string
  readonly planId: string
}

/** The account before it is written, so that its answer is stored with it. @param joined where it becomes a member, if not in its own */
function describe({ user, organization }: NewAccount, joined?: Home & { readonly role: string }): UserView {
  const { id, name, planId, role } = joined ?? { ...organization, role: 'owner' }
  return {
    ...user,
    isActive: true,
    isAdministrator: false,
    hasTwoFactor: false,
    organizations: [{ id, name, role, plan: toFamily(planId) }],
  }
}

const withSeat = (deps: ManagementDeps, organizationId: string, { email, role }: NewUserInput): Statement[] => [
  lockOrganization(deps.db, organizationId),
  requireThat(deps.db, hasRole(organizationId, role), 'role_not_found'),
  requireThat(deps.db, hasSeatFor(organizationId, email, new Date(deps.now())), 'seat_limit_reached'),
]

const personalHome = (deps: ManagementDeps, { organization }: NewAccount): Statement[] => [
  deps.db.insert(organizations).values(organization),
]

interface NewMembership {
  readonly account: NewAccount
  readonly organizationId: string | undefined
  readonly role: NewUserInput['role']
}

function membership(deps: ManagementDeps, operator: Operator, { account, organizationId, role }: NewMembership) {
  const { id: userId } = account.user
  const home = organizationId ?? account.organization.id
  return {
    membership: deps.db
      .insert(memberships)
      .values({ organizationId: home, userId, role: organizationId === undefined ? 'owner' : role }),
    audit: audited(deps, {
      action: 'admin.user_created',
      actor: operator,
      organizationId: home,
      target: { type: 'user', id: userId },
      detail: { ...(organizationId !== undefined && { role }) },
    }),
  }
}

async function orEmailTaken<T>(batch: Promise<T>): Promise<T> {
  try {
    return await batch
  } catch (error) {
    if (brokenConstraint(error) !== 'users_email_unique') throw error
    throw new Problem('email_taken', { errors: [{ path: 'body.email', message: 'has an account' }] })
  }
}
