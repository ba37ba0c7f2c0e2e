import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type * as z from 'zod'
import { COOKIE_ATTRIBUTES, requireOwnOrigin } from '../accounts/browser/cookie.ts'
import { apiRoute, newRouter } from '../api/api-route.ts'
import type { ManagementEnv } from '../auth/env.ts'
import { loadPortal } from '../auth/load-portal.ts'
import { verifyPortalToken } from '../auth/portal-token.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { findFrame } from './queries.ts'
import { describeBranding, redeem } from './redeem.ts'
import { PortalAccess, PortalTab, Redemption } from './schemas.ts'

/**
 * The portal on pages of this deployment. The access token is also kept in a cookie that no script can read, so that the
 * page can get it again after a reload. A signed-in user has a different cookie, so their session is not affected.
 */
const tag = 'Portal'
const COOKIE = 'portal'

const redeemRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/portal/redeem',
  tag,
  operationId: 'redeemBrowserPortalLink',
  summary: 'Exchange the token of a portal link from a page of this deployment',
  description:
    'Like `portal/redeem`, but the access token is also set as the cookie `__Host-portal` (HttpOnly, Secure, SameSite=Strict). Requires the `Origin` of this deployment.',
  body: Redemption,
  returns: { 200: PortalAccess },
  fails: ['portal_link_invalid', 'foreign_origin', 'rate_limited'],
})

const resumeRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/portal/resume',
  tag,
  operationId: 'resumeBrowserPortal',
  summary: 'Get the portal session of a page of this deployment again',
  description:
    'Returns the access token from the cookie while it works. Afterwards it removes the cookie. A browser has one such cookie: a tab that names its organization never gets the session of another one.',
  query: PortalTab,
  returns: { 200: PortalAccess },
  fails: ['portal_session_over', 'foreign_origin'],
})

const leaveRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/portal/leave',
  tag,
  operationId: 'leaveBrowserPortal',
  summary: 'Leave the portal on the pages of this deployment',
  description: 'Removes the cookie, but not that of another organization. Also succeeds without one.',
  query: PortalTab,
  returns: { 204: null },
  fails: ['foreign_origin'],
})

export const portalBrowserRoutes = newRouter()
  .openapi(redeemRoute, async (c) => {
    requireOwnOrigin(c)
    const access = await redeem(c.var.deps, c.req.valid('json'))
    setCookie(c, COOKIE, access.access_token, { ...COOKIE_ATTRIBUTES, maxAge: access.expires_in })
    return c.json(access, 200)
  })
  .openapi(resumeRoute, async (c) => {
    requireOwnOrigin(c)
    const token = getCookie(c, COOKIE, 'host')
    if (await isOfOther(c, token, c.req.valid('query').tab_organization_id)) throw new Problem('portal_session_over')
    const access = token === undefined ? undefined : await resume(c.var.deps, token)
    if (access) return c.json(access, 200)
    if (token !== undefined) clearCookie(c)
    throw new Problem('portal_session_over')
  })
  .openapi(leaveRoute, async (c) => {
    requireOwnOrigin(c)
    const { tab_organization_id } = c.req.valid('query')
    if (!(await isOfOther(c, getCookie(c, COOKIE, 'host'), tab_organization_id))) clearCookie(c)
    return c.body(null, 204)
  })

function clearCookie(c: Context<ManagementEnv>): void {
  deleteCookie(c, COOKIE, COOKIE_ATTRIBUTES)
}

/** Whether the cookie is of another organization than the one that a tab names. */
async function isOfOther(c: Context<ManagementEnv>, token: string | undefined, organizationId: string | undefined) {
  if (token === undefined || organizationId === undefined) return false
  const claims = await verifyPortalToken(c.var.deps.config, token, c.var.deps.now())
  return claims !== undefined && claims.org !== organizationId
}

/** @returns the same data as for redeeming the link; `undefined` once the session is over */
async function resume(deps: ManagementDeps, token: string): Promise<z.output<typeof PortalAccess> | undefined> {
  const claims = await verifyPortalToken(deps.config, token, deps.now())
  const portal = claims && (await loadPortal(deps, token))
  if (!portal) return undefined
  const { organizationId, sessionId, scopes } = portal
  const frame = await findFrame(deps.db, organizationId, sessionId)
  if (!frame) return undefined
  return {
    access_token: token,
    token_type: 'bearer',
    expires_in: claims.exp - Math.floor(deps.now() / 1_000),
    organization_id: organizationId,
    organization_name: frame.organizationName,
    scopes: [...scopes],
    return_url: frame.returnUrl,
    branding: describeBranding(deps.config),
  }
}
