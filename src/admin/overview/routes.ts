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
  summary: 'Get an overview of the deployment',
  description:
    'Customers, keys, verifications by verdict, subscriptions, open overage, and emails and deliveries that could not be sent.',
  returns: { 200: Overview },
})

export const adminOverviewRoutes = newRouter().openapi(overviewRoute, async (c) =>
  c.json(await overview(c.var.deps), 200),
)
