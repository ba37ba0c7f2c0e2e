import { apiRoute, newRouter } from '../api/api-route.ts'
import { deleteAccount } from './delete-account.ts'
import { exportAccount } from './export-account.ts'
import { Deletion, Export } from './schemas.ts'

const tag = 'Accounts'

const deleteRoute = apiRoute({
  allow: 'user',
  method: 'delete',
  path: '/auth/me',
  tag,
  operationId: 'deleteAccount',
  summary: 'Delete my account',
  description:
    'Permanent. An organization that was created for you and has no other member is also deleted, and its keys stop within two seconds; cancel its subscription first. Every other organization must have another owner.',
  body: Deletion,
  credentials: true,
  returns: { 204: null },
  fails: [
    'reauthentication_required',
    'wrong_password',
    'invalid_code',
    'two_factor_locked',
    'last_owner',
    'subscription_active',
    'rate_limited',
  ],
})

const exportRoute = apiRoute({
  allow: 'user',
  method: 'get',
  path: '/auth/me/export',
  tag,
  operationId: 'exportAccount',
  summary: 'Export my data',
  description:
    'One JSON file with the newest 1,000 entries of each kind, and 5,000 of the audit log. It contains no secrets.',
  credentials: true,
  returns: { 200: Export },
  fails: ['rate_limited'],
})

export const privacyRoutes = newRouter()
  .openapi(deleteRoute, async (c) => {
    await deleteAccount(c.var.deps, c.var.user, c.req.valid('json'))
    return c.body(null, 204)
  })
  .openapi(exportRoute, async (c) => {
    const file = await exportAccount(c.var.deps, c.var.user)
    const name = `tollgate-account-${file.exported_at.slice(0, 10)}.json`
    return c.json(file, 200, { 'Content-Disposition': `attachment; filename="${name}"` })
  })
