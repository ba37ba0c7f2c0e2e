import { apiRoute, newRouter } from '../../api/api-route.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { setLowBalance } from './low-balance.ts'
import { listEntries } from './queries.ts'
import { readCredits } from './read.ts'
import { CreditLedgerQuery, CreditLedgerRowList, Credits, CreditsQuery, LowBalance } from './schemas.ts'
import { toEntry } from './serialize.ts'

const common = { allow: 'usage:read', method: 'get', tag: 'Credits', fails: ['organization_not_found'] } as const

const readRoute = apiRoute({
  ...common,
  path: '/credits',
  operationId: 'getCredits',
  summary: 'Get the prepaid credits',
  description: 'The current balance, after all recorded charges.',
  query: CreditsQuery,
  returns: { 200: Credits },
})

const ledgerRoute = apiRoute({
  ...common,
  allow: 'billing:read',
  path: '/credits/ledger',
  operationId: 'listCreditLedger',
  summary: 'List every change of the balance',
  description: 'Latest first. The sum of all rows is the balance.',
  query: CreditLedgerQuery,
  returns: { 200: CreditLedgerRowList },
})

const lowBalanceRoute = apiRoute({
  ...common,
  allow: 'usage:alerts',
  method: 'put',
  path: '/credits/low-balance',
  operationId: 'setLowBalance',
  summary: 'Set the balance that counts as low',
  description: 'At this balance or below, endpoints get `credits.low`, once until the next grant.',
  body: LowBalance,
  credentials: true,
  returns: { 200: Credits },
  fails: ['organization_not_found', 'no_credits'],
})

export const creditRoutes = newRouter()
  .openapi(readRoute, async (c) => c.json(await readCredits(c.var.deps, c.var.organizationId), 200))
  .openapi(ledgerRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listEntries(c.var.deps.db, c.var.organizationId, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toEntry), next_cursor }, 200)
  })
  .openapi(lowBalanceRoute, async (c) => {
    const { deps, principal, organizationId } = c.var
    const { low_balance: lowBalance } = c.req.valid('json')
    return c.json(await setLowBalance(deps, { actor: principal, organizationId, lowBalance }), 200)
  })
