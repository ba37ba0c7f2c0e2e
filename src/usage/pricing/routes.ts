import { apiRoute, newRouter } from '../../api/api-route.ts'
import { actsAsOperator } from '../../auth/organization-access.ts'
import { lazily } from '../../lib/lazily.ts'
import { findAllowance } from '../../limits/allowance.ts'
import { PriceQuery, Prices } from './schemas.ts'

const loadList = lazily(() => import('./list.ts'))
const loadOwn = lazily(() => import('./own-prices.ts'))

const pricesRoute = apiRoute({
  allow: 'usage:read',
  method: 'get',
  path: '/usage/prices',
  tag: 'Usage',
  operationId: 'listModelPrices',
  summary: 'Known prices of language models',
  description:
    'The current prices of tokens, images and requests, for events without a cost. Customers see what they pay; the operator sees what providers charge.',
  query: PriceQuery,
  returns: { 200: Prices },
  fails: ['organization_not_found'],
})

export const priceRoutes = newRouter().openapi(pricesRoute, async (c) => {
  const { deps, principal, organizationId } = c.var
  // only requests that need the table load it, not the whole management app
  const [{ listPrices }, { findOwnPrices }] = await Promise.all([loadList(), loadOwn()])
  const isOperator = actsAsOperator(principal, 'usage:read', organizationId)
  const markupPercent = isOperator ? '0' : (await findAllowance(deps, organizationId)).use.markupPercent
  const asked = { at: deps.now(), own: await findOwnPrices(deps), markupPercent }
  return c.json(listPrices(c.req.valid('query'), asked), 200)
})
