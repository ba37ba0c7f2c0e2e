import { and } from 'drizzle-orm'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { page } from '../../lib/cursor.ts'
import { toInvitation } from '../../organizations/invitation.ts'
import { addMember, inviteMember } from '../../organizations/members/add-member.ts'
import { toMember } from '../../organizations/members/member.ts'
import { Invitation, Member } from '../../organizations/schemas.ts'
import { Problem } from '../../problems.ts'
import { changeCustomer } from './change.ts'
import { changePlan } from './change-plan.ts'
import { createCustomer, upsertCustomer } from './create.ts'
import { organizationConditions, organizationOrder } from './filter.ts'
import { getOrganization, toAdminOrganization } from './organization.ts'
import { findByExternalId, listOrganizations } from './queries.ts'
import { deleteCustomer } from './remove.ts'
import {
  AdminOrganization,
  AdminOrganizationList,
  CustomerChange,
  CustomerUpsert,
  ExternalIdParams,
  NewCustomer,
  NewMember,
  OrganizationParams,
  OrganizationQuery,
  PlanChange,
  Suspension,
} from './schemas.ts'
import { suspendOrganization } from './suspend.ts'

const common = { allow: 'administrator', service: 'platform:organizations:write', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  service: 'platform:organizations:read',
  method: 'get',
  path: '/admin/organizations',
  operationId: 'listAllOrganizations',
  summary: 'List organizations',
  description: 'Newest first unless `sort` says otherwise. Each filter narrows the list.',
  query: OrganizationQuery,
  returns: { 200: AdminOrganizationList },
})

const READ = 'platform:organizations:read'

const createRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/organizations',
  operationId: 'createCustomer',
  summary: 'Create an organization',
  description: 'For a customer whose users you manage yourself. It has no members until you add some.',
  body: NewCustomer,
  creates: true,
  returns: { 201: AdminOrganization },
  fails: ['external_id_taken'],
})

const byExternalId = { path: '/admin/organizations/by-external-id/{external_id}', params: ExternalIdParams } as const

const upsertRoute = apiRoute({
  ...common,
  ...byExternalId,
  method: 'put',
  operationId: 'upsertOrganization',
  summary: "Create or update a customer's organization by your own id",
  description:
    '201 if it was created, 200 if it existed. Fields in the body are set; absent fields stay unchanged. Concurrent requests create one organization.',
  body: CustomerUpsert,
  returns: { 200: AdminOrganization, 201: AdminOrganization },
  fails: ['plan_not_found', 'platform_organization'],
})

const findRoute = apiRoute({
  ...common,
  ...byExternalId,
  service: READ,
  method: 'get',
  operationId: 'getOrganizationByExternalId',
  summary: 'Get the organization of a customer, by your own id',
  returns: { 200: AdminOrganization },
  fails: ['organization_not_found'],
})

const one = { ...common, path: '/admin/organizations/{organization_id}', params: OrganizationParams } as const

const getRoute = apiRoute({
  ...one,
  service: READ,
  method: 'get',
  operationId: 'getCustomer',
  summary: 'Get an organization as the operator',
  returns: { 200: AdminOrganization },
  fails: ['organization_not_found'],
})

const changeRoute = apiRoute({
  ...one,
  method: 'patch',
  operationId: 'updateCustomer',
  summary: 'Change an organization as the operator',
  description:
    'Absent fields stay unchanged. Changes all given fields, or none. Takes effect everywhere within two seconds.',
  body: CustomerChange,
  returns: { 200: AdminOrganization },
  fails: ['organization_not_found', 'platform_organization', 'plan_not_found', 'external_id_taken'],
})

const deleteRoute = apiRoute({
  ...one,
  method: 'delete',
  operationId: 'deleteCustomer',
  summary: 'Delete an organization as the operator',
  description:
    'Permanent. Its keys stop within two seconds, and its owners are notified by email. Refused while it has a subscription that is not canceled.',
  returns: { 204: null },
  fails: ['organization_not_found', 'platform_organization', 'subscription_active'],
})

const addMemberRoute = apiRoute({
  ...one,
  method: 'post',
  path: '/admin/organizations/{organization_id}/members',
  operationId: 'addMember',
  summary: 'Add a member to an organization, or invite one',
  description:
    '201 with the member; the address must have an account. With `send_invitation`, 202 with an invitation sent by email; no account is needed.',
  body: NewMember,
  creates: true,
  returns: { 201: Member, 202: Invitation },
  fails: [
    'role_not_found',
    'organization_not_found',
    'platform_organization',
    'user_not_found',
    'already_member',
    'seat_limit_reached',
    'rate_limited',
  ],
})

const changePlanRoute = apiRoute({
  ...common,
  service: 'platform:plans:write',
  method: 'put',
  path: '/admin/organizations/{organization_id}/plan',
  operationId: 'setOrganizationPlan',
  summary: "Change an organization's plan",
  description: 'Takes effect everywhere within two seconds.',
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
  summary: 'Suspend or resume an organization',
  description:
    'Its keys are refused with `ORGANIZATION_SUSPENDED`, or accepted again, everywhere within two seconds. Its owners are notified by email, with the reason. Members of a suspended organization can sign in and read, but not create keys or invite anybody.',
  params: OrganizationParams,
  body: Suspension,
  returns: { 200: AdminOrganization },
  fails: ['organization_not_found', 'platform_organization'],
})

export const adminOrganizationRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { limit, cursor, sort, ...filter } = c.req.valid('query')
    const { orderBy, after, encode } = organizationOrder(sort, cursor)
    const where = and(organizationConditions(filter, c.var.deps.now()), after)
    const { data, next_cursor } = page(await listOrganizations(c.var.deps.db, { where, orderBy }, limit), limit, encode)
    return c.json({ data: data.map(toAdminOrganization), next_cursor }, 200)
  })
  .openapi(createRoute, async (c) =>
    c.json(toAdminOrganization(await createCustomer(c.var.deps, c.var.operator, c.req.valid('json'))), 201),
  )
  .openapi(upsertRoute, async (c) => {
    const { external_id } = c.req.valid('param')
    const { created, organization } = await upsertCustomer(c.var.deps, c.var.operator, external_id, c.req.valid('json'))
    return c.json(toAdminOrganization(organization), created ? 201 : 200)
  })
  .openapi(findRoute, async (c) => {
    const organization = await findByExternalId(c.var.deps.db, c.req.valid('param').external_id)
    if (!organization) throw new Problem('organization_not_found')
    return c.json(toAdminOrganization(organization), 200)
  })
  .openapi(getRoute, async (c) =>
    c.json(toAdminOrganization(await getOrganization(c.var.deps, c.var.organizationId)), 200),
  )
  .openapi(changeRoute, async (c) => {
    const { deps, operator, organizationId } = c.var
    return c.json(toAdminOrganization(await changeCustomer(deps, operator, organizationId, c.req.valid('json'))), 200)
  })
  .openapi(deleteRoute, async (c) => {
    await deleteCustomer(c.var.deps, c.var.operator, c.var.organizationId)
    return c.body(null, 204)
  })
  .openapi(addMemberRoute, async (c) => {
    const { deps, operator, organizationId } = c.var
    const { send_invitation, ...input } = c.req.valid('json')
    const organization = await getOrganization(deps, organizationId)
    if (organization.isPlatform) throw new Problem('platform_organization')
    const membership = { organization, ...input }
    if (send_invitation) return c.json(toInvitation(await inviteMember(deps, operator, membership)), 202)
    return c.json(toMember(await addMember(deps, operator, membership), true), 201)
  })
  .openapi(changePlanRoute, async (c) => {
    const request = { operator: c.var.operator, organizationId: c.var.organizationId, ...c.req.valid('json') }
    return c.json(toAdminOrganization(await changePlan(c.var.deps, { reason: undefined, ...request })), 200)
  })
  .openapi(suspendRoute, async (c) => {
    const request = { operator: c.var.operator, organizationId: c.var.organizationId, ...c.req.valid('json') }
    return c.json(toAdminOrganization(await suspendOrganization(c.var.deps, { reason: undefined, ...request })), 200)
  })
