import { apiRoute, newRouter } from '../../api/api-route.ts'
import { lazily } from '../../lib/lazily.ts'
import { PriceQuery, Prices } from './schemas.ts'

const loadList = lazily(() => import('./list.ts'))

const pricesRoute = apiRoute({
  allow: 'usage:read',
  method: 'get',
  path: '/usage/prices',
  tag: 'Usage',
  operationId: 'listModelPrices',
  summary: 'Known prices of language models',
  description: 'The current prices of tokens, for events with tokens and without a cost.',
  query: PriceQuery,
  returns: { 200: Prices },
  fails: ['organization_not_found'],
})

export const priceRoutes = newRouter().openapi(pricesRoute, async (c) => {
  // only requests that need the table load it, not the whole management app
  const { listPrices } = await loadList()
  return c.json(listPrices(c.req.valid('query'), c.var.deps.now()), 200)
})
