import { apiRoute, newRouter } from '../../api/api-route.ts'
import { correctCredits, revokeCredits } from '../../billing/credits/change-grant.ts'
import { grantCredits } from '../../billing/credits/grant-credits.ts'
import { CreditGrant } from '../../billing/credits/schemas.ts'
import { toGrant } from '../../billing/credits/serialize.ts'
import { CreditCorrection, CreditGrantParams, CreditRevocation, CreditsParams, NewCreditGrant } from './schemas.ts'

const common = {
  allow: 'administrator',
  service: 'platform:billing:write',
  tag: 'Administration',
  method: 'post',
} as const

const grantRoute = apiRoute({
  ...common,
  path: '/admin/organizations/{organization_id}/credits',
  operationId: 'grantCredits',
  summary: 'Grant credits to an organization',
  description:
    'From its first grant on, an organization pays with credits, and is refused when they are used up. Credits do not pay for earlier charges.',
  params: CreditsParams,
  body: NewCreditGrant,
  creates: true,
  returns: { 201: CreditGrant },
  fails: ['organization_not_found', 'platform_organization'],
})

const one = {
  ...common,
  params: CreditGrantParams,
  repeatable: true,
  returns: { 200: CreditGrant },
} as const

const revokeRoute = apiRoute({
  ...one,
  path: '/admin/organizations/{organization_id}/credits/{grant_id}/revoke',
  operationId: 'revokeCredits',
  summary: 'Revoke the rest of a grant',
  description: 'Charges that the grant has paid stay paid. Revoking twice is not an error.',
  body: CreditRevocation,
  fails: ['organization_not_found', 'credit_grant_not_found', 'credit_grant_ended'],
})

const correctRoute = apiRoute({
  ...one,
  path: '/admin/organizations/{organization_id}/credits/{grant_id}/correct',
  operationId: 'correctCredits',
  summary: 'Change the amount of a grant',
  description: 'Up or down, but not below what has been used.',
  body: CreditCorrection,
  fails: ['organization_not_found', 'credit_grant_not_found', 'credit_grant_ended', 'credit_grant_spent'],
})

export const adminCreditRoutes = newRouter()
  .openapi(grantRoute, async (c) => {
    const { deps, operator, organizationId } = c.var
    return c.json(toGrant(await grantCredits(deps, { operator, organizationId, input: c.req.valid('json') })), 201)
  })
  .openapi(revokeRoute, async (c) => {
    const { deps, operator, organizationId } = c.var
    const { grant_id: grantId } = c.req.valid('param')
    const act = { operator, organizationId, grantId, ...c.req.valid('json') }
    return c.json(toGrant(await revokeCredits(deps, act)), 200)
  })
  .openapi(correctRoute, async (c) => {
    const { deps, operator, organizationId } = c.var
    const { grant_id: grantId } = c.req.valid('param')
    const act = { operator, organizationId, grantId, ...c.req.valid('json') }
    return c.json(toGrant(await correctCredits(deps, act)), 200)
  })
