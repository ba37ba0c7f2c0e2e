import { withProof } from '../../accounts/passwords/reauthenticate.ts'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { stepUp } from '../../api/reauthentication.ts'
import { pageEnd } from '../../http/paging.ts'
import { toApiKey } from '../../keys/api-key.ts'
import { ApiKey, ApiKeyList, IssuedKey, KeyParams } from '../../keys/schemas.ts'
import { page } from '../../lib/cursor.ts'
import { NewServiceKey, ServiceKeyChange, ServiceKeyQuery, ServiceKeyRotation } from './schemas.ts'
import {
  getServiceKey,
  issueServiceKey,
  listServiceKeys,
  revokeServiceKey,
  rotateServiceKey,
  updateServiceKey,
} from './service-keys.ts'

/** Not for `service`: a service key cannot create or change service keys. */
const common = { allow: 'administrator', tag: 'Service keys' } as const
const one = { ...common, path: '/admin/service-keys/{id}', params: KeyParams } as const

const issueRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/service-keys',
  operationId: 'issueServiceKey',
  summary: 'Issue a service key',
  description:
    'For your back end. Only this response contains the key: store it. Only administrators can issue service keys.',
  body: NewServiceKey,
  creates: true,
  returns: { 201: IssuedKey },
  fails: [...stepUp, 'key_limit_reached'],
})

const listRoute = apiRoute({
  ...common,
  method: 'get',
  path: '/admin/service-keys',
  operationId: 'listServiceKeys',
  summary: 'List service keys',
  description: 'Newest first.',
  query: ServiceKeyQuery,
  returns: { 200: ApiKeyList },
})

const getRoute = apiRoute({
  ...one,
  method: 'get',
  operationId: 'getServiceKey',
  summary: 'Get a service key',
  returns: { 200: ApiKey },
  fails: ['key_not_found'],
})

const changeRoute = apiRoute({
  ...one,
  method: 'patch',
  operationId: 'updateServiceKey',
  summary: 'Change a service key',
  description: 'Absent fields stay unchanged; null clears a field. Takes effect everywhere within two seconds.',
  body: ServiceKeyChange,
  returns: { 200: ApiKey },
  fails: [...stepUp, 'key_not_found', 'key_revoked', 'key_limit_reached'],
})

const rotateRoute = apiRoute({
  ...one,
  method: 'post',
  path: '/admin/service-keys/{id}/rotate',
  operationId: 'rotateServiceKey',
  summary: 'Rotate a service key',
  description:
    'Issues a new key with the same properties, and ends the old one: at once, or after a grace period in which both work.',
  optionalBody: ServiceKeyRotation,
  creates: true,
  returns: { 201: IssuedKey },
  fails: [...stepUp, 'key_not_found', 'key_revoked', 'key_expired', 'key_already_rotated', 'key_limit_reached'],
})

const revokeRoute = apiRoute({
  ...one,
  method: 'delete',
  operationId: 'revokeServiceKey',
  summary: 'Revoke a service key',
  description: 'Permanent. Takes effect everywhere within two seconds.',
  returns: { 204: null },
  fails: ['key_not_found'],
})

export const serviceKeyRoutes = newRouter()
  .openapi(issueRoute, async (c) => {
    const { password, code, passkey, ...asked } = c.req.valid('json')
    const administrator = await withProof(c.var.deps, c.var.user, { password, code, passkey })
    return c.json(await issueServiceKey(c.var.deps, administrator, asked), 201)
  })
  .openapi(listRoute, async (c) => {
    const { limit, cursor, status } = c.req.valid('query')
    const rows = await listServiceKeys(c.var.deps, { limit, status }, pageEnd(cursor))
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toApiKey), next_cursor }, 200)
  })
  .openapi(getRoute, async (c) => c.json(await getServiceKey(c.var.deps, c.req.valid('param').id), 200))
  .openapi(changeRoute, async (c) => {
    const { password, code, passkey, ...changes } = c.req.valid('json')
    const administrator = await withProof(c.var.deps, c.var.user, { password, code, passkey })
    return c.json(await updateServiceKey(c.var.deps, administrator, c.req.valid('param').id, changes), 200)
  })
  .openapi(rotateRoute, async (c) => {
    const { grace_period_seconds, ...proof } = c.req.valid('json')
    const administrator = await withProof(c.var.deps, c.var.user, proof)
    return c.json(await rotateServiceKey(c.var.deps, administrator, c.req.valid('param').id, grace_period_seconds), 201)
  })
  .openapi(revokeRoute, async (c) => {
    await revokeServiceKey(c.var.deps, c.var.user, c.req.valid('param').id)
    return c.body(null, 204)
  })
