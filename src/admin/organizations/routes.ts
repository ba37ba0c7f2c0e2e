import type * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { formatOverrides } from '../../limits/meter-units.ts'
import { OrganizationParams } from '../schemas.ts'
import {
  AdminOrganization,
  AdminOrganizationList,
  OrganizationQuery,
  PlanChange,
  Suspension,
} from '../users/schemas.ts'
import { changePlan } from './change-plan.ts'
import { listOrganizations, type OrganizationView } from './queries.ts'
import { suspendOrganization } from './suspend.ts'

const common = { allow: 'administrator', service: 'platform:organizations:write', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  service: 'platform:organizations:read',
  method: 'get',
  path: '/admin/organizations',
  operationId: 'listAllOrganizations',
  summary: 'List organizations',
  description: 'Newest first.',
  query: OrganizationQuery,
  returns: { 200: AdminOrganizationList },
})

const changePlanRoute = apiRoute({
  ...common,
  service: 'platform:plans:write',
  method: 'put',
  path: '/admin/organizations/{organization_id}/plan',
  operationId: 'setOrganizationPlan',
  summary: "Change an organization's plan",
  description: 'In force everywhere within two seconds.',
  params: OrganizationParams,
  body: PlanChange,
  returns: { 200: AdminOrganization },
  fails: ['organization_not_found'],
})

const suspendRoute = apiRoute({
  ...common,
  method: 'put',
  path: '/admin/organizations/{organization_id}/suspension',
  operationId: 'setOrganizationSuspension',
  summary: 'Suspend an organization, or end that',
  description:
    'Its keys are refused with `ORGANIZATION_SUSPENDED`, or accepted again, everywhere within two seconds; its owners are told by mail, with the reason. Members sign in and read as before, but make no keys and invite nobody.',
  params: OrganizationParams,
  body: Suspension,
  returns: { 200: AdminOrganization },
  fails: ['organization_not_found', 'platform_organization'],
})

export const adminOrganizationRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid('query')
    const rows = await listOrganizations(c.var.deps.db, filter, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toAdminOrganization), next_cursor }, 200)
  })
  .openapi(changePlanRoute, async (c) => {
    const request = { operator: c.var.operator, organizationId: c.var.organizationId, ...c.req.valid('json') }
    return c.json(toAdminOrganization(await changePlan(c.var.deps, { reason: undefined, ...request })), 200)
  })
  .openapi(suspendRoute, async (c) => {
    const request = { operator: c.var.operator, organizationId: c.var.organizationId, ...c.req.valid('json') }
    return c.json(toAdminOrganization(await suspendOrganization(c.var.deps, { reason: undefined, ...request })), 200)
  })

function toAdminOrganization(row: OrganizationView): z.output<typeof AdminOrganization> {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    plan: row.planId,
    is_platform: row.isPlatform,
    is_personal: row.isPersonal,
    limit_overrides: formatOverrides(row.limitOverrides),
    member_count: row.memberCount,
    suspended_at: row.suspendedAt?.toISOString() ?? null,
    suspended_reason: row.suspendedReason,
    created_at: row.createdAt.toISOString(),
  }
}
