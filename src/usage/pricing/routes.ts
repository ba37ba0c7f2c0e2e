import { apiRoute, newRouter } from '../../api/api-route.ts'
import { PriceQuery, Prices } from './schemas.ts'

const pricesRoute = apiRoute({
  allow: 'usage:read',
  method: 'get',
  path: '/usage/prices',
  tag: 'Usage',
  operationId: 'listModelPrices',
  summary: 'Known prices of language models',
  description: 'What tokens cost at this moment, where events give tokens and no cost.',
  query: PriceQuery,
  returns: { 200: Prices },
  fails: ['organization_not_found'],
})

export const priceRoutes = newRouter().openapi(pricesRoute, async (c) => {
  const { listPrices } = await import('./list.ts') // the table is read by whoever asks for it, not by all of the management
  return c.json(listPrices(c.req.valid('query'), c.var.deps.now()), 200)
})
