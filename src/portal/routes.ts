import { apiRoute, newRouter } from '../api/api-route.ts'
import { openPortalSession } from './open.ts'
import { redeem } from './redeem.ts'
import { NewPortalSession, PortalAccess, PortalLink, Redemption } from './schemas.ts'

const tag = 'Portal'

const openRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:portal',
  method: 'post',
  path: '/portal/sessions',
  tag,
  operationId: 'createPortalLink',
  summary: 'Create a link to the portal of an organization',
  description:
    'For a customer whom your back end has signed in. The link works once, within 15 minutes, and gives access to this organization, within these scopes. Only service keys can create links, and revoking the key ends its sessions.',
  body: NewPortalSession,
  creates: true,
  returns: { 201: PortalLink },
  fails: ['service_key_only', 'organization_unnamed', 'organization_mismatch', 'organization_suspended'],
})

const redeemRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/portal/redeem',
  tag,
  operationId: 'redeemPortalLink',
  summary: 'Exchange the token of a portal link',
  description:
    'The access token acts in the organization with the scopes of the link, as an API key with these scopes would, until it expires, the organization is suspended, or the service key is revoked.',
  body: Redemption,
  returns: { 200: PortalAccess },
  fails: ['portal_link_invalid', 'rate_limited'],
})

export const portalRoutes = newRouter()
  .openapi(openRoute, async (c) =>
    c.json(await openPortalSession(c.var.deps, c.var.operator, c.req.valid('json')), 201),
  )
  .openapi(redeemRoute, async (c) => c.json(await redeem(c.var.deps, c.req.valid('json')), 200))
