/** The lifecycle of a key after its issue: change and rotation; also the import of keys from another system. */
import { apiRoute, newRouter } from '../api/api-route.ts'
import { importKeys } from './import.ts'
import { ImportResult, KeyImport, KeyUpdate, Rotation } from './lifecycle-schemas.ts'
import { rotateKey } from './rotate.ts'
import { ApiKey, IssuedKey, KeyParams, OrganizationQuery } from './schemas.ts'
import { updateApiKey } from './update.ts'

const tag = 'API keys'
const OF_GRANTS = ['rate_limit_above_plan', 'organization_not_found', 'key_limit_reached'] as const

const updateRoute = apiRoute({
  allow: 'keys:write',
  method: 'patch',
  path: '/auth/api-keys/{id}',
  tag,
  operationId: 'updateApiKey',
  summary: 'Change an API key',
  description: `Changes the fields that are there and no others; null clears one. It holds everywhere within two seconds.

\`is_active: false\` switches the key off until it is switched on again; it counts towards the plan's number of keys
meanwhile. A revoked key is not changed any more.`,
  params: KeyParams,
  query: OrganizationQuery,
  body: KeyUpdate,
  credentials: true,
  returns: { 200: ApiKey },
  fails: ['key_not_found', 'key_revoked', ...OF_GRANTS],
})

const rotateRoute = apiRoute({
  allow: 'keys:write',
  method: 'post',
  path: '/auth/api-keys/{id}/rotate',
  tag,
  operationId: 'rotateApiKey',
  summary: 'Rotate an API key',
  description: `Issues a new key with everything this one has, and ends this one: at once, or after a grace period in which
both work. The answer is the only place where the new key itself ever appears.

A key is rotated once; the next time it is its successor's turn. As many keys may be in their grace period as the plan
allows keys.`,
  params: KeyParams,
  query: OrganizationQuery,
  optionalBody: Rotation,
  creates: true,
  credentials: true,
  returns: { 201: IssuedKey },
  fails: [
    'key_not_found',
    'key_revoked',
    'key_expired',
    'key_already_rotated',
    'key_limit_reached',
    'organization_not_found',
  ],
})

const importRoute = apiRoute({
  allow: 'keys:import',
  method: 'post',
  path: '/auth/api-keys/import',
  tag,
  operationId: 'importApiKeys',
  summary: 'Import keys of another system',
  description: `Takes the SHA-256 of keys that your customers hold already, so that nobody has to change theirs: 1 to 1,000 at
a time. Where \`IMPORTED_KEYS\` is on, a key of any form verifies: 16 to 256 printable ASCII characters without spaces.

What is there already is logged as a \`duplicate\` and left as it is. The rest is imported as a whole, or not at all.`,
  body: KeyImport,
  creates: true,
  credentials: true,
  returns: { 200: ImportResult },
  fails: ['imports_disabled', ...OF_GRANTS],
})

export const keyLifeRoutes = newRouter()
  .openapi(updateRoute, async (c) => {
    const key = { organizationId: c.var.organizationId, id: c.req.valid('param').id }
    return c.json(await updateApiKey(c.var.deps, c.var.principal, key, c.req.valid('json')), 200)
  })
  .openapi(rotateRoute, async (c) => {
    const key = { organizationId: c.var.organizationId, id: c.req.valid('param').id }
    const { grace_period_seconds } = c.req.valid('json')
    return c.json(await rotateKey(c.var.deps, c.var.principal, key, grace_period_seconds), 201)
  })
  .openapi(importRoute, async (c) => {
    const { keys } = c.req.valid('json')
    return c.json(await importKeys(c.var.deps, c.var.principal, c.var.organizationId, keys), 200)
  })
