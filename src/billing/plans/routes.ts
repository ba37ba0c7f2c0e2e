import { apiRoute, newRouter } from '../../api/api-route.ts'
import { toCatalogPlan } from './plan.ts'
import { listPublicPlans } from './queries.ts'
import { Catalog } from './schemas.ts'

/** How stale a page of prices may be. */
const CACHE = 'public, max-age=60'

const catalogRoute = apiRoute({
  allow: 'anyone',
  method: 'get',
  path: '/billing/plans',
  tag: 'Billing',
  operationId: 'listPublicPlans',
  summary: 'List plans',
  description: 'Public plans, in display order.',
  returns: { 200: Catalog },
})

export const planRoutes = newRouter().openapi(catalogRoute, async (c) => {
  const data = (await listPublicPlans(c.var.deps.db)).map(toCatalogPlan)
  c.header('Cache-Control', CACHE)
  return c.json({ data, next_cursor: null }, 200)
})
