import { apiRoute, newRouter } from '../api/api-route.ts'
import { readQuotas } from '../limits/quotas.ts'
import { Quotas } from '../usage/schemas.ts'
import { OrganizationParams } from './organizations/schemas.ts'
import { setLimits } from './organizations/set-limits.ts'
import { QuotaOverrides } from './schemas.ts'

const setQuotasRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:plans:write',
  method: 'put',
  path: '/admin/organizations/{organization_id}/quotas',
  tag: 'Administration',
  operationId: 'setOrganizationQuotas',
  summary: "Set an organization's own limits",
  description:
    "A number overrides the plan's limit, null restores the plan's limit, and absent fields stay unchanged. Takes effect everywhere within two seconds.",
  params: OrganizationParams,
  body: QuotaOverrides,
  returns: { 200: Quotas },
  fails: ['organization_not_found'],
})

export const adminRoutes = newRouter().openapi(setQuotasRoute, async (c) => {
  const { deps } = c.var
  const { operator, organizationId } = c.var
  await setLimits(deps, operator, organizationId, c.req.valid('json'))
  return c.json(await readQuotas(deps, organizationId), 200)
})
