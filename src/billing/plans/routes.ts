import { apiRoute, newRouter } from '../../api/api-route.ts'
import { toCataloguePlan } from './plan.ts'
import { listPublicPlans } from './queries.ts'
import { Catalogue } from './schemas.ts'

/** How stale a page of prices may be. */
const CACHE = 'public, max-age=60'

const catalogueRoute = apiRoute({
  allow: 'anyone',
  method: 'get',
  path: '/billing/plans',
  tag: 'Billing',
  operationId: 'listPublicPlans',
  summary: 'List plans',
  description: 'Public plans, in display order.',
  returns: { 200: Catalogue },
})

export const planRoutes = newRouter().openapi(catalogueRoute, async (c) => {
  const data = (await listPublicPlans(c.var.deps.db)).map(toCataloguePlan)
  c.header('Cache-Control', CACHE)
  return c.json({ data, next_cursor: null }, 200)
})
