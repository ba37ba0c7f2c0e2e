import { apiRoute, newRouter } from '../api/api-route.ts'
import { pageEnd } from '../http/paging.ts'
import { page } from '../lib/cursor.ts'
import { toApiKey } from './api-key.ts'
import { issueKey } from './issue.ts'
import { KeyListQuery } from './lifecycle-schemas.ts'
import { findKeyById } from './queries.ts'
import { readKeys } from './read.ts'
import { readKeyLimits } from './read-limits.ts'
import { revoke } from './revoke.ts'
import { ApiKey, ApiKeyList, IssuedKey, KeyLimits, KeyParams, NewKey, OrganizationQuery } from './schemas.ts'

const tag = 'API keys'

const issuing = {
  allow: 'keys:write',
  method: 'post',
  tag,
  summary: 'Issue an API key',
  description: 'Only this response contains the key itself. Store it now.',
  body: NewKey,
  creates: true,
  credentials: true,
  returns: { 201: IssuedKey },
  fails: ['reauthentication_required', 'key_limit_reached', 'rate_limit_above_plan', 'organization_not_found'],
} as const
const issueRoute = apiRoute({ ...issuing, operationId: 'issueApiKey', path: '/auth/api-keys' })
const generateRoute = apiRoute({
  ...issuing,
  path: '/auth/api-keys/generate',
  operationId: 'generateApiKey',
  summary: 'Issue an API key (alias)',
})

const listRoute = apiRoute({
  allow: 'keys:read',
  method: 'get',
  path: '/auth/api-keys',
  tag,
  operationId: 'listApiKeys',
  summary: 'List API keys',
  description: 'Newest first. All given filters must match.',
  query: KeyListQuery,
  returns: { 200: ApiKeyList },
  fails: ['organization_not_found'],
})

const one = {
  tag,
  params: KeyParams,
  query: OrganizationQuery,
  path: '/auth/api-keys/{id}',
  fails: ['key_not_found'],
} as const
const getRoute = apiRoute({
  ...one,
  allow: 'keys:read',
  method: 'get',
  operationId: 'getApiKey',
  summary: 'Get an API key',
  returns: { 200: ApiKey },
})
const limitsRoute = apiRoute({
  ...one,
  path: '/auth/api-keys/{id}/limits',
  allow: 'keys:read',
  method: 'get',
  operationId: 'getApiKeyLimits',
  summary: 'Read what is left of the limits of an API key',
  description:
    'Takes no units. Units that an isolate has taken in advance count as used. A key and all keys that replaced it share their limits.',
  returns: { 200: KeyLimits },
})
const revokeRoute = apiRoute({
  ...one,
  allow: 'keys:write',
  method: 'delete',
  operationId: 'revokeApiKey',
  summary: 'Revoke an API key',
  credentials: true,
  description:
    'Permanent, and in effect everywhere within two seconds. Also ends the grace period of a rotated key at once.',
  returns: { 204: null },
})

export const keyRoutes = newRouter()
  .openapi(issueRoute, async (c) =>
    c.json(await issueKey(c.var.deps, c.var.principal, c.var.organizationId, c.req.valid('json')), 201),
  )
  .openapi(generateRoute, async (c) =>
    c.json(await issueKey(c.var.deps, c.var.principal, c.var.organizationId, c.req.valid('json')), 201),
  )
  .openapi(listRoute, async (c) => {
    const { limit, cursor, organization_id: _id, external_id: _external, ...filter } = c.req.valid('query')
    const rows = await readKeys(c.var.deps, c.var.organizationId, { filter, limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toApiKey), next_cursor }, 200)
  })
  .openapi(getRoute, async (c) =>
    c.json(toApiKey(await findKeyById(c.var.deps.db, c.var.organizationId, c.req.valid('param').id)), 200),
  )
  .openapi(limitsRoute, async (c) => {
    const { deps, organizationId } = c.var
    return c.json(await readKeyLimits(deps, { organizationId, id: c.req.valid('param').id }), 200)
  })
  .openapi(revokeRoute, async (c) => {
    await revoke(c.var.deps, c.var.principal, { organizationId: c.var.organizationId, id: c.req.valid('param').id })
    return c.body(null, 204)
  })
