import type * as z from 'zod'
import { apiRoute, newRouter } from '../api/api-route.ts'
import { pageEnd } from '../http/paging.ts'
import { page } from '../lib/cursor.ts'
import { Problem } from '../problems.ts'
import { presentedId } from './clients/queries.ts'
import { decideAuthorization, describeAuthorization } from './consent.ts'
import { decideForDevice, describeDevice } from './devices/decide.ts'
import { endGrant } from './end.ts'
import { findGrant, type GrantView, listGrants } from './queries.ts'
import {
  AuthorizationInput,
  AuthorizationRequest,
  Decided,
  Decision,
  DeviceDecision,
  DeviceInput,
  Grant,
  GrantList,
  GrantParams,
  GrantQuery,
} from './schemas.ts'

const tag = 'Applications'
const path = '/auth/authorizations'
const asker = ['not_found', 'oauth_client_unknown', 'oauth_redirect_refused', 'organization_not_found'] as const

const ofAgreeing = [
  'organization_switched',
  'organization_not_found',
  'forbidden',
  'two_factor_required',
  'single_sign_on_required',
  'organization_suspended',
  'email_unconfirmed',
  'platform_organization',
  'rate_limited',
] as const

const describeRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path,
  tag,
  operationId: 'describeAuthorization',
  summary: 'Get the request of an application',
  description: 'Takes the parameters with which the application sent you to `/oauth/authorize`. Changes nothing.',
  body: AuthorizationInput,
  credentials: true,
  returns: { 200: AuthorizationRequest },
  fails: [...asker],
})

const decideRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: `${path}/decide`,
  tag,
  operationId: 'decideAuthorization',
  summary: 'Allow or deny an application',
  description: `It acts for your active organization, within the scopes that you agree to, until you end its access. This requires a role with
\`keys:write\`, because the application gets a key.`,
  body: Decision,
  credentials: true,
  returns: { 200: Decided },
  fails: [...asker, ...ofAgreeing],
})

const describeDeviceRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/devices',
  tag,
  operationId: 'describeDevice',
  summary: 'See what a device asks',
  description: 'Takes the code that the device shows (RFC 8628). Changes nothing.',
  body: DeviceInput,
  credentials: true,
  returns: { 200: AuthorizationRequest },
  fails: ['not_found', 'device_code_unknown', 'organization_not_found', 'rate_limited'],
})

const decideDeviceRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/devices/decide',
  tag,
  operationId: 'decideDevice',
  summary: 'Allow or deny a device',
  description: 'It acts for your active organization, like an application. It gets its token with its next request.',
  body: DeviceDecision,
  credentials: true,
  returns: { 204: null },
  fails: ['not_found', 'device_code_unknown', ...ofAgreeing],
})

const listRoute = apiRoute({
  allow: 'user',
  method: 'get',
  path: '/auth/grants',
  tag,
  operationId: 'listGrants',
  summary: 'List applications that act for me',
  description:
    'Newest first, in all your organizations. People who manage the keys of an organization see them among its keys.',
  query: GrantQuery,
  returns: { 200: GrantList },
})

const endRoute = apiRoute({
  allow: 'user',
  method: 'delete',
  path: '/auth/grants/{id}',
  tag,
  operationId: 'endGrant',
  summary: 'End the access of an application',
  description: 'Its access token is refused within two seconds, and it cannot get another.',
  params: GrantParams,
  credentials: true,
  returns: { 204: null },
  fails: ['grant_not_found'],
})

const toGrant = (row: GrantView): z.output<typeof Grant> => ({
  id: row.id,
  client: { id: presentedId(row.client), name: row.client.name, uri: row.client.uri },
  organization_id: row.organizationId,
  organization_name: row.organizationName,
  scopes: row.scopes,
  resource: row.resource,
  created_at: row.createdAt.toISOString(),
  refreshed_at: row.refreshedAt.toISOString(),
  expires_at: row.expiresAt.toISOString(),
})

export const oauthApiRoutes = newRouter()
  .openapi(describeRoute, async (c) => {
    const { deps, user } = c.var
    return c.json(await describeAuthorization(deps, user, c.req.valid('json')), 200)
  })
  .openapi(decideRoute, async (c) => {
    const { deps, user } = c.var
    return c.json({ redirect_to: await decideAuthorization(deps, user, c.req.valid('json')) }, 200)
  })
  .openapi(describeDeviceRoute, async (c) => {
    const { deps, user } = c.var
    return c.json(await describeDevice(deps, user, c.req.valid('json').user_code), 200)
  })
  .openapi(decideDeviceRoute, async (c) => {
    const { deps, user } = c.var
    await decideForDevice(deps, user, c.req.valid('json'))
    return c.body(null, 204)
  })
  .openapi(listRoute, async (c) => {
    const { deps, user } = c.var
    const { limit, cursor } = c.req.valid('query')
    const rows = await listGrants(deps.db, user.userId, { limit, after: pageEnd(cursor), at: new Date(deps.now()) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toGrant), next_cursor }, 200)
  })
  .openapi(endRoute, async (c) => {
    const { deps, user } = c.var
    const { id } = c.req.valid('param')
    const found = await findGrant(deps.db, id)
    if (found?.grant.userId !== user.userId) throw new Problem('grant_not_found')
    await endGrant(deps, id, 'revoked_by_user', user)
    return c.body(null, 204)
  })
