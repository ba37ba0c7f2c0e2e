import * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { uuid } from '../../http/fields.ts'
import { toOrganization } from '../organization.ts'
import { Organization, OrganizationParams } from '../schemas.ts'
import { toDomain } from './domain.ts'
import { joinByDomain, listOwnJoinable } from './join.ts'
import { addDomain, changeDomain, removeDomain } from './manage.ts'
import { listDomains } from './queries.ts'
import { Domain, DomainChange, DomainList, DomainParams, JoinableList, NewDomain } from './schemas.ts'
import { verifyDomain } from './verify.ts'

const tag = 'Organizations'
const path = '/organizations/{organization_id}/domains'

const listRoute = apiRoute({
  allow: 'organization:read',
  method: 'get',
  path,
  tag,
  operationId: 'listDomains',
  summary: 'List domains',
  description: 'Newest first; at most 20.',
  params: OrganizationParams,
  returns: { 200: DomainList },
  fails: ['organization_not_found'],
})

const addRoute = apiRoute({
  allow: 'organization:write',
  method: 'post',
  path,
  tag,
  operationId: 'addDomain',
  summary: 'Add a domain',
  description: 'Returns the TXT record to publish. The domain counts once `verify` has found the record.',
  params: OrganizationParams,
  body: NewDomain,
  creates: true,
  credentials: true,
  returns: { 201: Domain },
  fails: ['organization_not_found', 'domain_known', 'domain_limit_reached'],
})

const one = { allow: 'organization:write', tag, params: DomainParams, credentials: true } as const

const verifyRoute = apiRoute({
  ...one,
  method: 'post',
  path: `${path}/{id}/verify`,
  operationId: 'verifyDomain',
  summary: 'Verify a domain',
  description: `Looks for the record in the DNS. A verified domain belongs to one organization. When its record is gone, another
organization can verify the domain and take it over.`,
  returns: { 200: Domain },
  fails: [
    'organization_not_found',
    'domain_not_found',
    'domain_not_verified',
    'domain_taken',
    'dns_unavailable',
    'rate_limited',
  ],
})

const changeRoute = apiRoute({
  ...one,
  method: 'patch',
  path: `${path}/{id}`,
  operationId: 'updateDomain',
  summary: 'Change who joins by a domain',
  body: DomainChange,
  returns: { 200: Domain },
  fails: ['organization_not_found', 'domain_not_found'],
})

const removeRoute = apiRoute({
  ...one,
  method: 'delete',
  path: `${path}/{id}`,
  operationId: 'removeDomain',
  summary: 'Remove a domain',
  description: 'Nobody can join by it any more. Members stay.',
  returns: { 204: null },
  fails: ['organization_not_found', 'domain_not_found'],
})

const joinableRoute = apiRoute({
  allow: 'user',
  method: 'get',
  path: '/auth/joinable-organizations',
  tag,
  operationId: 'listJoinableOrganizations',
  summary: 'List organizations that I can join',
  description: 'Those that have verified the domain of your confirmed address and let its people join.',
  returns: { 200: JoinableList },
})

const joinRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/organizations/{organization_id}/join',
  tag,
  operationId: 'joinOrganization',
  summary: 'Join an organization by the domain of my address',
  description: 'Changes nothing for a member. Somebody who was removed needs an invitation.',
  params: z.strictObject({ organization_id: uuid }),
  credentials: true,
  returns: { 200: Organization },
  fails: ['organization_not_found', 'seat_limit_reached'],
})

export const domainRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const rows = await listDomains(c.var.deps.db, c.var.organizationId)
    return c.json({ data: rows.map(toDomain) }, 200)
  })
  .openapi(addRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    return c.json(toDomain(await addDomain(deps, user, organizationId, c.req.valid('json'))), 201)
  })
  .openapi(verifyRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    return c.json(toDomain(await verifyDomain(deps, user, { organizationId, id: c.req.valid('param').id })), 200)
  })
  .openapi(changeRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    const ref = { organizationId, id: c.req.valid('param').id }
    return c.json(toDomain(await changeDomain(deps, user, ref, c.req.valid('json'))), 200)
  })
  .openapi(removeRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    await removeDomain(deps, user, { organizationId, id: c.req.valid('param').id })
    return c.body(null, 204)
  })
  .openapi(joinableRoute, async (c) => c.json({ data: await listOwnJoinable(c.var.deps, c.var.user) }, 200))
  .openapi(joinRoute, async (c) => {
    const { deps, user } = c.var
    const joined = await joinByDomain(deps, user, c.req.valid('param').organization_id)
    return c.json(toOrganization(joined, user.organizationId), 200)
  })
