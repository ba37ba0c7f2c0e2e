import { apiRoute, newRouter } from '../../api/api-route.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { listLedgerRows } from './queries.ts'
import { resolveRow } from './resolve.ts'
import {
  AdminLedgerRow,
  AdminLedgerRowList,
  LEDGER_ID,
  LedgerResend,
  LedgerRowParams,
  LedgerRowQuery,
  LedgerWriteOff,
} from './schemas.ts'
import { toLedgerRow } from './serialize.ts'

const common = { allow: 'administrator', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  method: 'get',
  path: '/admin/ledger',
  operationId: 'listLedgerRows',
  service: 'platform:billing:read',
  summary: 'List the overage of all organizations',
  description: 'Newest first. Each row is charged once: at Polar under its `id`, at Stripe as part of an invoice item.',
  query: LedgerRowQuery,
  returns: { 200: AdminLedgerRowList },
})

const resolving = {
  ...common,
  method: 'post',
  params: LedgerRowParams,
  creates: true,
  returns: { 200: AdminLedgerRow },
  fails: ['ledger_row_not_found', 'ledger_row_settled'],
} as const

const resendRoute = apiRoute({
  ...resolving,
  path: '/admin/ledger/{id}/resend',
  operationId: 'resendLedgerRow',
  service: 'platform:billing:write',
  summary: 'Send a row of overage again',
  description:
    'For rows that are `refused` or `unknown`. At Stripe, all rows of the invoice item are sent with the next invoice. For an `unknown` row, Stripe has an invoice item with another amount, or may have a meter event: check the figures at Stripe first.',
  optionalBody: LedgerResend,
})

const writeOffRoute = apiRoute({
  ...resolving,
  path: '/admin/ledger/{id}/write-off',
  operationId: 'writeOffLedgerRow',
  service: 'platform:billing:write',
  summary: 'Write a row of overage off',
  description: 'The row will never be charged. Only for rows that are `refused` or `unknown`.',
  body: LedgerWriteOff,
})

export const adminLedgerRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { limit, cursor, ...rest } = c.req.valid('query')
    const filter = { ...rest, organization_id: c.var.organizationId }
    const rows = await listLedgerRows(c.var.deps.db, filter, { limit, after: pageEnd(cursor, LEDGER_ID) })
    const { data, next_cursor } = page(rows.map(toLedgerRow), limit)
    return c.json({ data, next_cursor }, 200)
  })
  .openapi(resendRoute, async (c) => {
    const { deps, principal } = c.var
    const resolution = { action: 'resend', reason: c.req.valid('json')?.reason } as const
    return c.json(toLedgerRow(await resolveRow(deps, principal, c.req.valid('param').id, resolution)), 200)
  })
  .openapi(writeOffRoute, async (c) => {
    const { deps, principal } = c.var
    const resolution = { action: 'write_off', reason: c.req.valid('json').reason } as const
    return c.json(toLedgerRow(await resolveRow(deps, principal, c.req.valid('param').id, resolution)), 200)
  })
