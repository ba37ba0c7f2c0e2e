import { apiRoute, newRouter } from '../../api/api-route.ts'
import { OrganizationParams } from '../schemas.ts'
import { changeRole, createRole, listRoles, removeRole } from './manage.ts'
import { toRole } from './role.ts'
import { NewRole, Role, RoleList, RoleParams, RoleUpdate } from './schemas.ts'

const tag = 'Organizations'
const path = '/organizations/{organization_id}/roles'

const listRoute = apiRoute({
  allow: 'members:read',
  method: 'get',
  path,
  tag,
  operationId: 'listRoles',
  summary: 'List roles',
  description:
    "First the built-in roles, from the fewest permissions to the most, then the organization's own by name, at most 50.",
  params: OrganizationParams,
  returns: { 200: RoleList },
  fails: ['organization_not_found'],
})

const createRoute = apiRoute({
  allow: 'members:write',
  method: 'post',
  path,
  tag,
  operationId: 'createRole',
  summary: 'Create a role',
  description: 'It can have only permissions that your own role has, and none that are reserved for owners.',
  params: OrganizationParams,
  body: NewRole,
  creates: true,
  credentials: true,
  returns: { 201: Role },
  fails: ['organization_not_found', 'platform_organization', 'role_exists', 'role_limit_reached'],
})

const one = {
  allow: 'members:write',
  tag,
  params: RoleParams,
  path: `${path}/{name}`,
  credentials: true,
} as const

const changeRoute = apiRoute({
  ...one,
  method: 'patch',
  operationId: 'updateRole',
  summary: 'Change a role',
  description: `Applies to all members who have it, from their next request on. Your own role must have all permissions that it has
before and after the change.`,
  body: RoleUpdate,
  returns: { 200: Role },
  fails: ['organization_not_found', 'role_not_found', 'role_built_in'],
})

const removeRoute = apiRoute({
  ...one,
  method: 'delete',
  operationId: 'deleteRole',
  summary: 'Delete a role',
  description: 'Members, open invitations and directory groups that have it need another role first.',
  returns: { 204: null },
  fails: ['organization_not_found', 'role_not_found', 'role_built_in', 'role_in_use'],
})

export const roleRoutes = newRouter()
  .openapi(listRoute, async (c) => c.json({ data: await listRoles(c.var.deps, c.var.organizationId) }, 200))
  .openapi(createRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(toRole(await createRole(deps, manager, organizationId, c.req.valid('json')), 0), 201)
  })
  .openapi(changeRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    const { name } = c.req.valid('param')
    return c.json(await changeRole(deps, manager, { organizationId, name }, c.req.valid('json')), 200)
  })
  .openapi(removeRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    await removeRole(deps, manager, { organizationId, name: c.req.valid('param').name })
    return c.body(null, 204)
  })
