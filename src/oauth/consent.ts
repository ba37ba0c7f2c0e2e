import type * as z from 'zod'
import { organizationFor, requireConfirmed, requireMet } from '../auth/organization-access.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { requireGrantable, selectAllowance } from '../keys/grants.ts'
import { base64url, randomBytes, sha256 } from '../lib/bytes.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { getOwnOrganization } from '../organizations/organization.ts'
import { Problem } from '../problems.ts'
import { type ClientRow, presentedId } from './clients/queries.ts'
import { OAuthError } from './error.ts'
import { insertCode } from './queries.ts'
import { describeRedirect } from './redirect-uri.ts'
import { type Asker, answerTo, identifyAsker, type ParsedRequest, parseRequest, type Wish } from './request.ts'
import type { AuthorizationInput, AuthorizationRequest, Decision } from './schemas.ts'

const CODE_MS = 60_000

/**
 * Describes an application's request, for the consent page.
 *
 * @throws Problem as {@link identifyAsker}; `organization_not_found`
 */
export async function describeAuthorization(
  deps: ManagementDeps,
  user: UserPrincipal,
  input: z.output<typeof AuthorizationInput>,
): Promise<z.output<typeof AuthorizationRequest>> {
  const asker = await identifyAsker(deps, input)
  const { client } = asker
  const redirectsTo = describeRedirect(asker.redirectUri)
  const wish = tryRead(deps, asker, input)
  if (typeof wish !== 'string') return describeWish(deps, user, { client, wish, redirectsTo })
  const about = describeClient(client, redirectsTo)
  return { client: about, organization: null, asks_for: [], resource: null, redirect_to: wish }
}

const describeClient = (client: ClientRow, redirectsTo: string | null) => ({
  id: presentedId(client),
  name: client.name,
  uri: client.uri,
  host: client.metadataUrl === null ? null : new URL(client.metadataUrl).host,
  redirects_to: redirectsTo,
})

interface Wishing {
  readonly client: ClientRow
  readonly wish: Wish
  readonly redirectsTo: string | null
}

/** Describes the access that an application requests. @throws Problem `organization_not_found` */
export async function describeWish(
  deps: ManagementDeps,
  user: UserPrincipal,
  { client, wish, redirectsTo }: Wishing,
): Promise<z.output<typeof AuthorizationRequest>> {
  const words = deps.config.OAUTH_SCOPES
  return {
    client: describeClient(client, redirectsTo),
    organization: await describeOrganization(deps, user),
    asks_for: wish.scopes.map((scope) => ({ scope, description: words[scope] ?? '' })),
    resource: wish.resource,
    redirect_to: null,
  }
}

/** The request, or the address at which the application is told what is wrong with it. */
function tryRead(
  deps: ManagementDeps,
  asker: Asker,
  input: z.output<typeof AuthorizationInput>,
): ParsedRequest | string {
  try {
    return parseRequest(deps, input)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return answerTo(deps, asker, { error: error.code, error_description: error.message })
  }
}

async function describeOrganization(deps: ManagementDeps, user: UserPrincipal) {
  const membership = user.memberships.find((one) => one.organization_id === user.organizationId)
  if (!membership) throw new Problem('organization_not_found')
  const { id, name } = await getOwnOrganization(deps, user, membership.organization_id)
  return { id, name, may_grant: membership.permissions.includes('keys:write') }
}

/**
 * A user allows an application to act for their active organization, or declines. Either way the application learns the decision through
 * the redirect address.
 *
 * @throws Problem as {@link describeAuthorization} and {@link requireMayAgree}; `rate_limited`
 */
export async function decideAuthorization(
  deps: ManagementDeps,
  user: UserPrincipal,
  { decision, for: shown, ...input }: z.output<typeof Decision>,
): Promise<string> {
  await enforceRateLimits(deps, { oauth_decide_account: { account: user.userId } })
  const asker = await identifyAsker(deps, input)
  const asked = tryRead(deps, asker, input)
  if (typeof asked === 'string') return asked
  if (decision === 'deny') return answerTo(deps, asker, { error: 'access_denied' })
  const organizationId = await requireMayAgree(deps, user, { scopes: asked.scopes, shown })
  const code = `oac_${base64url(randomBytes(32))}`
  await insertCode(deps.db, {
    codeHash: sha256(code),
    clientId: asker.client.id,
    organizationId,
    userId: user.userId,
    redirectUri: asker.redirectUri,
    codeChallenge: asked.codeChallenge,
    scopes: [...asked.scopes],
    resource: asked.resource,
    expiresAt: new Date(deps.now() + CODE_MS),
    grantId: null,
  })
  return answerTo(deps, asker, { code })
}

interface Agreeing {
  readonly scopes: readonly string[]
  /** The organization that the page showed: another tab may have switched since. */
  readonly shown: string
}

/**
 * A user can grant an application only rights that they have themselves, and none in the platform organization.
 *
 * @returns the organization that the user lets it act for: the active one
 * @throws Problem `organization_switched`, `organization_not_found`; `forbidden` for a user who may not issue keys there, or not with these scopes; `two_factor_required`,
 *   `single_sign_on_required`, `organization_suspended`, `platform_organization`, `email_unconfirmed`
 */
export async function requireMayAgree(
  deps: ManagementDeps,
  user: UserPrincipal,
  { scopes, shown }: Agreeing,
): Promise<string> {
  if (user.organizationId !== shown) throw new Problem('organization_switched')
  const organizationId = organizationFor(user, 'keys:write', undefined)
  requireConfirmed(deps.config, user)
  requireMet(user, organizationId)
  const membership = user.memberships.find((one) => one.organization_id === organizationId)
  if (membership?.is_suspended) throw new Problem('organization_suspended')
  const allowance = await selectAllowance(deps, organizationId)
  if (allowance.isPlatform) throw new Problem('platform_organization')
  requireGrantable({ scopes }, { principal: user, allowance, now: deps.now() })
  return organizationId
}
