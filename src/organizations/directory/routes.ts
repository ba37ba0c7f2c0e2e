import { requireOwner } from '../../accounts/passwords/reauthenticate.ts'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { reauthentication } from '../../api/reauthentication.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { ListQuery, OrganizationParams } from '../schemas.ts'
import { changeGroup, getDirectory, putDirectory, removeDirectory, renewToken, toDirectory, toGroup } from './manage.ts'
import { listGroups } from './queries.ts'
import {
  Directory,
  DirectoryGroup,
  DirectoryGroupList,
  DirectorySettings,
  DirectoryToken,
  GroupChange,
  GroupParams,
  StepUp,
} from './schemas.ts'

const path = '/organizations/{organization_id}/directory'
const one = { tag: 'Organizations', path, params: OrganizationParams } as const

const getRoute = apiRoute({
  ...one,
  allow: 'organization:write',
  method: 'get',
  operationId: 'getDirectory',
  summary: 'Get the directory',
  returns: { 200: Directory },
  fails: ['organization_not_found', 'directory_not_found'],
})

const putRoute = apiRoute({
  ...one,
  allow: 'owners:write',
  method: 'put',
  operationId: 'setDirectory',
  summary: 'Set the directory',
  description: `Lets a directory such as Entra or Okta provision the members of the organization by SCIM 2.0. It needs a token
(\`directory/token\`) and a verified domain.`,
  credentials: true,
  body: DirectorySettings,
  returns: { 200: Directory },
  fails: [...reauthentication, 'organization_not_found'],
})

const removeRoute = apiRoute({
  ...one,
  allow: 'owners:write',
  method: 'delete',
  operationId: 'removeDirectory',
  summary: 'Remove the directory',
  description: 'Revokes its token and deletes the data it sent. Members stay, with their roles.',
  credentials: true,
  optionalBody: StepUp,
  returns: { 204: null },
  fails: [...reauthentication, 'organization_not_found', 'directory_not_found'],
})

const tokenRoute = apiRoute({
  ...one,
  allow: 'owners:write',
  method: 'post',
  path: `${path}/token`,
  operationId: 'renewDirectoryToken',
  summary: 'Create a token for the directory',
  description: 'The previous token stops working at once.',
  credentials: true,
  optionalBody: StepUp,
  returns: { 200: DirectoryToken },
  fails: [...reauthentication, 'organization_not_found', 'directory_not_found'],
})

const groupsRoute = apiRoute({
  ...one,
  allow: 'organization:write',
  method: 'get',
  path: `${path}/groups`,
  operationId: 'listDirectoryGroups',
  summary: 'List the groups of the directory',
  description: 'Oldest first.',
  query: ListQuery,
  returns: { 200: DirectoryGroupList },
  fails: ['organization_not_found'],
})

const groupRoute = apiRoute({
  ...one,
  allow: 'owners:write',
  method: 'patch',
  path: `${path}/groups/{id}`,
  params: GroupParams,
  operationId: 'changeDirectoryGroup',
  summary: 'Change the role of a group',
  description: 'Members of the group have the role from their next request on. Owners stay owners.',
  credentials: true,
  body: GroupChange,
  returns: { 200: DirectoryGroup },
  fails: [...reauthentication, 'organization_not_found', 'directory_group_not_found', 'role_not_found'],
})

export const directoryRoutes = newRouter()
  .openapi(getRoute, async (c) => {
    const { deps, organizationId } = c.var
    return c.json(toDirectory(deps, await getDirectory(deps, organizationId)), 200)
  })
  .openapi(putRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    const { default_role: role, password } = c.req.valid('json')
    await requireOwner(deps, user, password)
    return c.json(toDirectory(deps, await putDirectory(deps, user, organizationId, role)), 200)
  })
  .openapi(removeRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    await requireOwner(deps, user, c.req.valid('json').password)
    await removeDirectory(deps, user, organizationId)
    return c.body(null, 204)
  })
  .openapi(tokenRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    await requireOwner(deps, user, c.req.valid('json').password)
    return c.json({ token: await renewToken(deps, user, organizationId) }, 200)
  })
  .openapi(groupsRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listGroups(c.var.deps.db, c.var.organizationId, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toGroup), next_cursor }, 200)
  })
  .openapi(groupRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    const { role, password } = c.req.valid('json')
    await requireOwner(deps, user, password)
    const ref = { organizationId, id: c.req.valid('param').id }
    return c.json(toGroup(await changeGroup(deps, user, ref, role)), 200)
  })
