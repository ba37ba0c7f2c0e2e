import { withProof } from '../../accounts/passwords/reauthenticate.ts'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { stepUp } from '../../api/reauthentication.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { ListQuery, Member, MemberList, MemberParams, OrganizationParams, RoleChange, Transfer } from '../schemas.ts'
import { changeRole, removeMember, transferOwnership } from './change.ts'
import { managesMembers, toMember } from './member.ts'
import { listMembers } from './queries.ts'

const tag = 'Organizations'

const listRoute = apiRoute({
  allow: 'members:read',
  method: 'get',
  path: '/organizations/{organization_id}/members',
  tag,
  operationId: 'listMembers',
  summary: 'List members',
  description: 'Oldest accounts first.',
  params: OrganizationParams,
  query: ListQuery,
  returns: { 200: MemberList },
  fails: ['organization_not_found'],
})

const one = {
  tag,
  params: MemberParams,
  path: '/organizations/{organization_id}/members/{user_id}',
  credentials: true,
} as const

const changeRoute = apiRoute({
  ...one,
  allow: 'members:write',
  method: 'patch',
  operationId: 'updateMember',
  summary: "Change a member's role",
  description:
    'Applies from their next request on. Your own role must allow all that the former and the new role allow, so that only owners add, change and remove owners. At least one active owner always remains.',
  body: RoleChange,
  returns: { 200: Member },
  fails: [
    ...stepUp,
    'organization_not_found',
    'member_not_found',
    'role_not_found',
    'last_owner',
    'two_factor_required',
  ],
})

const removeRoute = apiRoute({
  ...one,
  allow: 'members:write',
  method: 'delete',
  operationId: 'removeMember',
  summary: 'Remove a member',
  description:
    'Applies from their next request on. Keys that they issued belong to the organization and keep working. Revoke those that they may have copied.',
  returns: { 204: null },
  fails: ['organization_not_found', 'member_not_found', 'last_owner'],
})

const leaveRoute = apiRoute({
  allow: 'organization:read',
  method: 'post',
  path: '/organizations/{organization_id}/leave',
  tag,
  operationId: 'leaveOrganization',
  summary: 'Leave an organization',
  description: 'The only owner cannot leave. Use `transfer` to hand the organization over.',
  params: OrganizationParams,
  credentials: true,
  forAllMembers: true,
  returns: { 204: null },
  fails: ['organization_not_found', 'last_owner'],
})

const transferRoute = apiRoute({
  allow: 'owners:write',
  method: 'post',
  path: '/organizations/{organization_id}/transfer',
  tag,
  operationId: 'transferOrganization',
  summary: 'Hand an organization over',
  description: 'The named member becomes an owner, and you become an admin. The member is notified by email.',
  params: OrganizationParams,
  body: Transfer,
  credentials: true,
  returns: { 204: null },
  fails: [
    'organization_not_found',
    'member_not_found',
    'own_account',
    'reauthentication_required',
    'wrong_password',
    'two_factor_required',
    'rate_limited',
  ],
})

export const memberRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listMembers(c.var.deps.db, c.var.organizationId, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    const isForManagers = managesMembers(c.var.manager, c.var.organizationId)
    return c.json({ data: data.map((row) => toMember(row, isForManagers)), next_cursor }, 200)
  })
  .openapi(changeRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    const userId = c.req.valid('param').user_id
    const { role, ...proof } = c.req.valid('json')
    const present = await withProof(deps, manager, proof)
    const changed = await changeRole(deps, present, { organizationId, userId, role })
    return c.json(toMember(changed, true), 200)
  })
  .openapi(removeRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    await removeMember(deps, manager, { organizationId, userId: c.req.valid('param').user_id })
    return c.body(null, 204)
  })
  .openapi(leaveRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    await removeMember(deps, user, { organizationId, userId: user.userId })
    return c.body(null, 204)
  })
  .openapi(transferRoute, async (c) => {
    await transferOwnership(c.var.deps, c.var.user, c.var.organizationId, c.req.valid('json'))
    return c.body(null, 204)
  })
