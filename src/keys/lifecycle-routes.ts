/** The lifecycle of a key after its issue: change and rotation; also the import of keys from another system. */
import { apiRoute, newRouter } from '../api/api-route.ts'
import { importKeys } from './import.ts'
import { ImportResult, KeyImport, KeyUpdate, Rotation } from './lifecycle-schemas.ts'
import { rotateKey } from './rotate.ts'
import { ApiKey, IssuedKey, KeyParams, OrganizationQuery } from './schemas.ts'
import { updateApiKey } from './update.ts'

const tag = 'API keys'
const OF_GRANTS = [
  'reauthentication_required',
  'rate_limit_above_plan',
  'organization_not_found',
  'key_limit_reached',
] as const

const updateRoute = apiRoute({
  allow: 'keys:write',
  method: 'patch',
  path: '/auth/api-keys/{id}',
  tag,
  operationId: 'updateApiKey',
  summary: 'Change an API key',
  description: `Absent fields stay unchanged; null clears a field. Takes effect everywhere within two seconds.

\`is_active: false\` disables the key until it is enabled again. A disabled key still counts towards the plan's number of
keys. A revoked key cannot be changed.`,
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
  description: `Issues a new key with the same properties, and ends the old one: at once, or after a grace period in which both work.
Only this response contains the new key itself. Store it now.

A key can be rotated once; afterwards, rotate its successor. The plan's number of keys also limits how many keys can be
in their grace period at the same time.`,
  params: KeyParams,
  query: OrganizationQuery,
  optionalBody: Rotation,
  creates: true,
  credentials: true,
  returns: { 201: IssuedKey },
  fails: [
    'reauthentication_required',
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
  description: `Accepts the SHA-256 hashes of 1 to 1,000 keys that your customers already have, so that nobody has to replace a key. If
\`IMPORTED_KEYS\` is enabled, keys of any form can be verified: 16 to 256 printable ASCII characters without spaces.

A key that already exists is reported as a \`duplicate\` and stays unchanged. Either all other keys are imported, or none.`,
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
