import type * as z from 'zod'
import { apiRoute, newRouter } from '../../../api/api-route.ts'
import type { ManagementDeps } from '../../../deps.ts'
import { Problem } from '../../../problems.ts'
import { OrganizationParams } from '../schemas.ts'
import { findSignIn } from './queries.ts'
import { CustomerSignIn } from './schemas.ts'

const getRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:organizations:read',
  tag: 'Administration',
  method: 'get',
  path: '/admin/organizations/{organization_id}/sign-in',
  operationId: 'getCustomerSignIn',
  summary: 'Get how members of an organization sign in',
  description: 'Its domains, single sign-on and directory, and what it requires of its members.',
  params: OrganizationParams,
  returns: { 200: CustomerSignIn },
  fails: ['organization_not_found'],
})

const iso = (time: string | null) => (time === null ? null : new Date(time).toISOString())

/** @throws Problem `organization_not_found` */
async function getSignIn(deps: ManagementDeps, organizationId: string): Promise<z.output<typeof CustomerSignIn>> {
  const found = await findSignIn(deps.db, organizationId)
  if (!found) throw new Problem('organization_not_found')
  const { requiresTwoFactor, domains, singleSignOn, directory, applications } = found
  return {
    requires_two_factor: requiresTwoFactor,
    domains: domains.map(({ domain, verified_at, checked_at, join_role }) => ({
      domain,
      verified_at: iso(verified_at),
      checked_at: iso(checked_at),
      join_role,
    })),
    single_sign_on: singleSignOn && { ...singleSignOn, last_used_at: iso(singleSignOn.last_used_at) },
    directory: directory && { ...directory, last_used_at: iso(directory.last_used_at) },
    applications,
  }
}

export const adminSignInRoutes = newRouter().openapi(getRoute, async (c) =>
  c.json(await getSignIn(c.var.deps, c.var.organizationId), 200),
)
