import { apiRoute, newRouter } from '../../api/api-route.ts'
import { lazily } from '../../lib/lazily.ts'
import { System } from './schemas.ts'

const loadReadSystem = lazily(() => import('./read-system.ts'))

const systemRoute = apiRoute({
  allow: 'administrator',
  method: 'get',
  path: '/admin/system',
  operationId: 'getSystem',
  service: 'platform:metrics:read',
  tag: 'Administration',
  summary: 'Get the configuration and the jobs of this deployment',
  description:
    "Each job's last run, backlog and ceiling; the spool; the schema's version; the date of the price list; the names of the configured settings, without their values. Fields are null while their store does not respond.",
  returns: { 200: System },
})

export const adminSystemRoutes = newRouter().openapi(systemRoute, async (c) => {
  const { readSystem } = await loadReadSystem() // lazy: it imports all jobs and the price list
  return c.json(await readSystem(c.var.deps), 200)
})
