import { apiRoute, newRouter } from '../../api/api-route.ts'
import { overview } from './overview.ts'
import { Overview } from './schemas.ts'

const overviewRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:metrics:read',
  method: 'get',
  path: '/admin/overview',
  operationId: 'getOverview',
  tag: 'Administration',
  summary: 'How the deployment is doing',
  description:
    'Customers, keys, verifications by verdict, subscriptions and open overage, and what could not be sent. In one round trip to each store.',
  returns: { 200: Overview },
})

export const adminOverviewRoutes = newRouter().openapi(overviewRoute, async (c) =>
  c.json(await overview(c.var.deps), 200),
)
