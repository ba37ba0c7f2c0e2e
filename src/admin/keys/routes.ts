import type * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { toFamily } from '../../db/plan-version.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { dateToIso } from '../../lib/iso.ts'
import { lookUpKey } from './lookup.ts'
import { type AdminKeyView, listKeys } from './queries.ts'
import { AdminKey, AdminKeyList, KeyLookup, KeyQuery } from './schemas.ts'

const common = { allow: 'administrator', service: 'platform:keys:read', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  method: 'get',
  path: '/admin/keys',
  operationId: 'listAllApiKeys',
  summary: 'Find API keys of all organizations',
  description: 'Filter by hint, name or organization. Newest first.',
  query: KeyQuery,
  returns: { 200: AdminKeyList },
})

const lookupRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/keys/lookup',
  operationId: 'lookUpApiKey',
  summary: 'Find the owner of an API key',
  description:
    'For a key that was found in a log or a repository. The key is neither stored nor logged. The audit log records the look-up and its result.',
  body: KeyLookup,
  returns: { 200: AdminKey },
  fails: ['key_not_found'],
})

export const adminKeyRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { deps } = c.var
    const { limit, cursor, ...rest } = c.req.valid('query')
    const filter = { ...rest, organization_id: c.var.organizationId }
    const rows = await listKeys(deps.db, filter, new Date(deps.now()), { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toAdminKey), next_cursor }, 200)
  })
  .openapi(lookupRoute, async (c) => {
    const found = await lookUpKey(c.var.deps, c.var.principal, c.req.valid('json').key)
    return c.json(toAdminKey(found), 200)
  })

function toAdminKey(row: AdminKeyView): z.output<typeof AdminKey> {
  return {
    id: row.id,
    name: row.name,
    key_hint: row.keyHint,
    environment: row.environment,
    status: row.status,
    organization: {
      id: row.organizationId,
      name: row.organizationName,
      plan: toFamily(row.planId),
      suspended_at: dateToIso(row.organizationSuspendedAt),
    },
    created_by: row.createdBy,
    created_at: row.createdAt.toISOString(),
    expires_at: dateToIso(row.expiresAt),
    revoked_at: dateToIso(row.revokedAt),
    leaked_at: dateToIso(row.leakedAt),
    total_requests: row.totalRequests ?? 0,
    last_used_at: dateToIso(row.lastUsedAt),
  }
}
