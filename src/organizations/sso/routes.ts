import { requireOwner } from '../../accounts/passwords/reauthenticate.ts'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { reauthentication } from '../../api/reauthentication.ts'
import { OrganizationParams } from '../schemas.ts'
import { getSso, putSso, removeSso, toSso } from './manage.ts'
import { Sso, SsoRemoval, SsoSettings } from './schemas.ts'

const one = {
  tag: 'Organizations',
  path: '/organizations/{organization_id}/sso',
  params: OrganizationParams,
} as const

const getRoute = apiRoute({
  ...one,
  allow: 'organization:write',
  method: 'get',
  operationId: 'getSingleSignOn',
  summary: 'Get the single sign-on',
  returns: { 200: Sso },
  fails: ['organization_not_found', 'sso_not_found'],
})

const putRoute = apiRoute({
  ...one,
  allow: 'owners:write',
  method: 'put',
  operationId: 'setSingleSignOn',
  summary: 'Set the single sign-on',
  description: `People with an address of a verified domain then sign in at this OpenID provider (\`auth/sign-in/sso\`). It can be
required once somebody has signed in with it. Owners can always sign in in other ways.`,
  credentials: true,
  body: SsoSettings,
  returns: { 200: Sso },
  fails: [...reauthentication, 'organization_not_found', 'sso_not_tested'],
})

const removeRoute = apiRoute({
  ...one,
  allow: 'owners:write',
  method: 'delete',
  operationId: 'removeSingleSignOn',
  summary: 'Remove the single sign-on',
  description: 'Members stay, and use the other ways to sign in.',
  credentials: true,
  optionalBody: SsoRemoval,
  returns: { 204: null },
  fails: [...reauthentication, 'organization_not_found', 'sso_not_found'],
})

export const ssoRoutes = newRouter()
  .openapi(getRoute, async (c) => {
    const { deps, organizationId } = c.var
    return c.json(toSso(deps, await getSso(deps, organizationId)), 200)
  })
  .openapi(putRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    const { password, ...settings } = c.req.valid('json')
    await requireOwner(deps, user, password)
    return c.json(toSso(deps, await putSso(deps, user, organizationId, settings)), 200)
  })
  .openapi(removeRoute, async (c) => {
    const { deps, user, organizationId } = c.var
    await requireOwner(deps, user, c.req.valid('json').password)
    await removeSso(deps, user, organizationId)
    return c.body(null, 204)
  })
