import { apiRoute, newRouter } from '../api/api-route.ts'
import { pageEnd } from '../http/paging.ts'
import { page } from '../lib/cursor.ts'
import { createOrganization } from './create.ts'
import { removeOrganization } from './delete.ts'
import { getOwnOrganization, toOrganization } from './organization.ts'
import { listOrganizations } from './queries.ts'
import {
  ListQuery,
  NewOrganization,
  Organization,
  OrganizationChange,
  OrganizationDeletion,
  OrganizationList,
  OrganizationParams,
  SwitchedToken,
} from './schemas.ts'
import { switchOrganization } from './switch.ts'
import { changeOrganization } from './update.ts'

const tag = 'Organizations'

const createRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/organizations',
  tag,
  operationId: 'createOrganization',
  summary: 'Create an organization',
  description:
    'You become its owner. Your token still acts for the previous organization; use `switch` to change that.',
  body: NewOrganization,
  creates: true,
  credentials: true,
  returns: { 201: Organization },
  fails: ['slug_taken', 'rate_limited'],
})

const listRoute = apiRoute({
  allow: 'user',
  method: 'get',
  path: '/organizations',
  tag,
  operationId: 'listOrganizations',
  summary: 'List my organizations',
  description: 'Newest first.',
  query: ListQuery,
  returns: { 200: OrganizationList },
})

const one = { tag, params: OrganizationParams, path: '/organizations/{organization_id}' } as const

const getRoute = apiRoute({
  ...one,
  allow: 'organization:read',
  method: 'get',
  operationId: 'getOrganization',
  summary: 'Get an organization',
  forAllMembers: true,
  returns: { 200: Organization },
  fails: ['organization_not_found'],
})

const changeRoute = apiRoute({
  ...one,
  allow: 'organization:write',
  method: 'patch',
  operationId: 'updateOrganization',
  summary: 'Change an organization',
  description: `Changes its name, its slug, and whether its members need a second factor. If they do, members without one can only read
it and leave; everything else is refused with \`two_factor_required\`. API keys and users of trusted issuers are not affected.`,
  credentials: true,
  body: OrganizationChange,
  returns: { 200: Organization },
  fails: ['organization_not_found', 'slug_taken'],
})

const deleteRoute = apiRoute({
  ...one,
  allow: 'organization:delete',
  method: 'delete',
  operationId: 'deleteOrganization',
  summary: 'Delete an organization',
  description:
    'Permanent. Its keys stop within two seconds. Sessions that acted for it switch to another organization of their user, or to none after the last one. Refused while a subscription is not canceled.',
  credentials: true,
  body: OrganizationDeletion,
  returns: { 204: null },
  fails: [
    'organization_not_found',
    'reauthentication_required',
    'wrong_password',
    'platform_organization',
    'subscription_active',
    'rate_limited',
  ],
})

const switchRoute = apiRoute({
  ...one,
  allow: 'organization:read',
  method: 'post',
  path: '/organizations/{organization_id}/switch',
  operationId: 'switchOrganization',
  summary: 'Switch to another organization',
  forAllMembers: true,
  description:
    'Returns an access token whose `org` is this organization. The session stays with it: its refresh token now returns such tokens. A new sign-in starts with the personal organization again.',
  returns: { 200: SwitchedToken },
  fails: ['organization_not_found'],
})

export const organizationRoutes = newRouter()
  .openapi(createRoute, async (c) => {
    const { deps, user } = c.var
    return c.json(toOrganization(await createOrganization(deps, user, c.req.valid('json')), user.organizationId), 201)
  })
  .openapi(listRoute, async (c) => {
    const { deps, user } = c.var
    const { limit, cursor } = c.req.valid('query')
    const rows = await listOrganizations(deps.db, user.userId, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map((row) => toOrganization(row, user.organizationId)), next_cursor }, 200)
  })
  .openapi(getRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    return c.json(toOrganization(await getOwnOrganization(deps, user, organizationId), user.organizationId), 200)
  })
  .openapi(changeRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    const changed = await changeOrganization(deps, user, organizationId, c.req.valid('json'))
    return c.json(toOrganization(changed, user.organizationId), 200)
  })
  .openapi(deleteRoute, async (c) => {
    await removeOrganization(c.var.deps, c.var.user, c.var.organizationId, c.req.valid('json'))
    return c.body(null, 204)
  })
  .openapi(switchRoute, async (c) =>
    c.json(await switchOrganization(c.var.deps, c.var.user, c.var.organizationId), 200),
  )
