import { requireStepUp } from '../../accounts/passwords/reauthenticate.ts'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { stepUp } from '../../api/reauthentication.ts'
import { resolveOrganization } from '../../auth/named-organization.ts'
import { requirePlatformScope } from '../../auth/organization-access.ts'
import type { Operator } from '../../auth/principal.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { disableUser, enableUser, getUser, logOutUser, type OnUser, resetTwoFactor } from './actions.ts'
import { createUser } from './create.ts'
import { impersonate } from './impersonate.ts'
import { listUsers } from './queries.ts'
import { deleteUser } from './remove.ts'
import {
  AdminUser,
  AdminUserList,
  NewUser,
  OptionalReason,
  ReasonWithProof,
  SupportToken,
  UserParams,
  UserQuery,
} from './schemas.ts'
import { toAdminUser } from './user.ts'

const common = { allow: 'administrator', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  service: 'platform:users:read',
  method: 'get',
  path: '/admin/users',
  operationId: 'listUsers',
  summary: 'List users',
  description: 'Newest first.',
  query: UserQuery,
  returns: { 200: AdminUserList },
})

const getRoute = apiRoute({
  ...common,
  service: 'platform:users:read',
  method: 'get',
  path: '/admin/users/{id}',
  operationId: 'getUser',
  summary: 'Get a user',
  params: UserParams,
  returns: { 200: AdminUser },
  fails: ['user_not_found'],
})

const createRoute = apiRoute({
  ...common,
  service: 'platform:users:write',
  method: 'post',
  path: '/admin/users',
  operationId: 'createUser',
  summary: 'Create an account',
  description:
    'The account has no password. Its owner sets one with the link in an email, which is sent now (`send_invitation`) or requested on the sign-in page.',
  body: NewUser,
  creates: true,
  returns: { 201: AdminUser },
  fails: [
    'role_not_found',
    'email_taken',
    'organization_not_found',
    'organization_mismatch',
    'platform_organization',
    'seat_limit_reached',
  ],
})

const deleteRoute = apiRoute({
  ...common,
  service: 'platform:users:write',
  method: 'delete',
  path: '/admin/users/{id}',
  operationId: 'deleteUser',
  summary: 'Delete an account',
  description:
    'Permanent. An organization that was created for the user and has no other member is also deleted, and its keys stop within two seconds. The user is notified by email. Refused for administrators, and for the only owner of any other organization: delete that organization first, or give it another owner.',
  params: UserParams,
  returns: { 204: null },
  fails: ['user_not_found', 'administrator_protected', 'last_owner', 'subscription_active'],
})

const acting = { ...common, method: 'post', params: UserParams, repeatable: true } as const

const disableRoute = apiRoute({
  ...acting,
  service: 'platform:users:write',
  path: '/admin/users/{id}/disable',
  operationId: 'disableUser',
  summary: 'Disable a user',
  description:
    'Every session ends at once. Keys of organizations without another active member stop within two seconds; those of other organizations keep working. The user is notified by email.',
  optionalBody: OptionalReason,
  returns: { 200: AdminUser },
  fails: ['user_not_found', 'own_account', 'administrator_protected'],
})

const enableRoute = apiRoute({
  ...acting,
  service: 'platform:users:write',
  path: '/admin/users/{id}/enable',
  operationId: 'enableUser',
  summary: 'Enable a user again',
  description: 'Also resumes organizations that were suspended with the user. The user is notified by email.',
  optionalBody: OptionalReason,
  returns: { 200: AdminUser },
  fails: ['user_not_found', 'administrator_protected'],
})

const logOutRoute = apiRoute({
  ...acting,
  service: 'platform:users:write',
  path: '/admin/users/{id}/logout',
  operationId: 'endUserSessions',
  summary: 'End all sessions of a user',
  description: 'The user is notified by email.',
  optionalBody: OptionalReason,
  returns: { 204: null },
  fails: ['user_not_found', 'administrator_protected'],
})

const resetTwoFactorRoute = apiRoute({
  ...acting,
  path: '/admin/users/{id}/two-factor/reset',
  operationId: 'resetUserTwoFactor',
  summary: "Remove a user's second factor",
  description:
    'Verify the identity of the user by other means first. Every session ends, and the user is notified by email.',
  body: ReasonWithProof,
  returns: { 204: null },
  fails: [...stepUp, 'user_not_found', 'own_account'],
})

const impersonateRoute = apiRoute({
  ...acting,
  path: '/admin/users/{id}/impersonate',
  operationId: 'impersonateUser',
  summary: 'Act as a user, for support',
  description:
    'For 15 minutes, without a refresh token. Credentials and security settings cannot be changed in this session. The user is notified by email.',
  body: ReasonWithProof,
  returns: { 200: SupportToken },
  fails: [...stepUp, 'user_not_found', 'administrator_protected', 'user_disabled'],
})

export const adminUserRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { limit, cursor, organization_id: _id, external_id: _external, ...rest } = c.req.valid('query')
    const filter = { ...rest, organizationId: c.var.organizationId }
    const rows = await listUsers(c.var.deps.db, filter, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toAdminUser), next_cursor }, 200)
  })
  .openapi(getRoute, async (c) => c.json(toAdminUser(await getUser(c.var.deps, c.req.valid('param').id)), 200))
  .openapi(createRoute, async (c) => {
    const { deps, operator } = c.var
    const { organization_id, external_id, ...input } = c.req.valid('json')
    const names = { where: 'body', organizationId: organization_id, externalId: external_id } as const
    const organizationId = await resolveOrganization(deps.db, names)
    if (organizationId !== undefined && operator.kind === 'service')
      requirePlatformScope(operator, 'platform:organizations:write') // because it adds a member
    return c.json(toAdminUser(await createUser(deps, operator, organizationId, input)), 201)
  })
  .openapi(deleteRoute, async (c) => {
    const request = toUserAction(c.var.operator, c.req.valid('param').id, {})
    await deleteUser(c.var.deps, request)
    return c.body(null, 204)
  })
  .openapi(disableRoute, async (c) => {
    const request = toUserAction(c.var.operator, c.req.valid('param').id, c.req.valid('json'))
    return c.json(toAdminUser(await disableUser(c.var.deps, request)), 200)
  })
  .openapi(enableRoute, async (c) => {
    const request = toUserAction(c.var.operator, c.req.valid('param').id, c.req.valid('json'))
    return c.json(toAdminUser(await enableUser(c.var.deps, request)), 200)
  })
  .openapi(logOutRoute, async (c) => {
    const request = toUserAction(c.var.operator, c.req.valid('param').id, c.req.valid('json'))
    await logOutUser(c.var.deps, request)
    return c.body(null, 204)
  })
  .openapi(resetTwoFactorRoute, async (c) => {
    await requireStepUp(c.var.deps, c.var.user, c.req.valid('json'))
    const request = toUserAction(c.var.user, c.req.valid('param').id, c.req.valid('json'))
    await resetTwoFactor(c.var.deps, request)
    return c.body(null, 204)
  })
  .openapi(impersonateRoute, async (c) => {
    await requireStepUp(c.var.deps, c.var.user, c.req.valid('json'))
    const request = toUserAction(c.var.user, c.req.valid('param').id, c.req.valid('json'))
    return c.json(await impersonate(c.var.deps, request), 200)
  })

function toUserAction<Actor extends Operator>(
  operator: Actor,
  userId: string,
  { reason }: { reason?: string | undefined },
): OnUser<Actor> {
  return { operator, userId, reason }
}
