/**
 * The authorization server (OAuth 2.1, RFC 6749 with RFC 9700): applications and agents act for people who consented. Its messages
 * are those of OAuth, and it has its own metadata (RFC 8414), so it is not in the OpenAPI document.
 */
import { type Context, Hono } from 'hono'
import { authenticate } from '../auth/authenticate.ts'
import type { ManagementEnv } from '../auth/env.ts'
import { requirePlatformScope } from '../auth/organization-access.ts'
import type { ManagementDeps } from '../deps.ts'
import { BEARER, MCP_PATH } from '../http/challenge.ts'
import { clientIp, toProblem, writeProblemHeaders } from '../http/edge.ts'
import { MAX_BODY_BYTES, mediaType, parseJson, readAtMost, requireReadable } from '../http/json-body.ts'
import { enforceRateLimits, networkAddress } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { exchangeKey } from './client-credentials.ts'
import { authenticateClient } from './clients/authenticate.ts'
import { loadClient } from './clients/document.ts'
import { DEVICE_CODE, GRANT_TYPES } from './clients/metadata.ts'
import type { ClientRow } from './clients/queries.ts'
import { registerClient } from './clients/register.ts'
import { beginDevice } from './devices/begin.ts'
import { exchangeDeviceCode } from './devices/exchange.ts'
import { OAuthError } from './error.ts'
import { exchangeCode, refreshGrant } from './grant.ts'
import { introspect, revokeToken } from './introspect.ts'
import { resourceMetadata, serverMetadata } from './metadata.ts'

type Env = ManagementEnv
type Form = Readonly<Record<string, string>>

const CONSENT_PAGE = '/dashboard/authorize'
const DEVICE_PAGE = '/dashboard/device'

export const oauth = new Hono<Env>()
export const oauthMetadata = new Hono<Env>()

oauth.onError(answerError)
oauth.use(async (c, next) => {
  requireOffered(c)
  await next()
})

/** The consent page reads the request and reports what is wrong with it. */
oauth.get('/authorize', (c) => c.redirect(`${CONSENT_PAGE}${new URL(c.req.url).search}`, 302))

/** The short address that devices show (RFC 8628 §3.3.1). */
export function toDevicePage(c: Context<Env>): Response {
  requireOffered(c)
  return c.redirect(`${DEVICE_PAGE}${new URL(c.req.url).search}`, 302)
}

oauth.post('/register', async (c) => {
  requireReadable(c.req.raw)
  if (mediaType(c.req.raw) !== 'application/json')
    throw new OAuthError('invalid_client_metadata', 'The body must be JSON.')
  const body = parseJson(await readAtMost(c.req.raw, MAX_BODY_BYTES))
  return c.json(await registerClient(c.var.deps, body), 201)
})

oauth.post('/token', async (c) => {
  const { deps } = c.var
  await enforceRateLimits(deps, { oauth_token_address: { address: networkAddress(deps) } })
  const form = await readForm(c)
  const presented = { authorization: c.req.header('Authorization'), form }
  if (form.grant_type === 'client_credentials')
    return c.json(await exchangeKey(c.env.deps, presented, { requestId: c.var.requestId, ip: clientIp(c) }))
  return c.json(await exchange(deps, await authenticateClient(deps, presented), form))
})

function exchange(deps: ManagementDeps, client: ClientRow, form: Form) {
  if (form.grant_type === 'authorization_code') return exchangeCode(deps, client, form)
  if (form.grant_type === DEVICE_CODE) return exchangeDeviceCode(deps, client, form)
  if (form.grant_type !== 'refresh_token')
    throw new OAuthError(
      'unsupported_grant_type',
      `grant_type is one of ${[...GRANT_TYPES, 'client_credentials'].join(', ')}.`,
    )
  if (!client.refreshes) throw new OAuthError('unauthorized_client', 'It registered without refresh_token.')
  return refreshGrant(deps, client, form)
}

/** A device without a browser requests authorization; its user decides on another device (RFC 8628 §3.1). */
oauth.post('/device_authorization', async (c) => {
  const { deps } = c.var
  await enforceRateLimits(deps, { oauth_token_address: { address: networkAddress(deps) } })
  const form = await readForm(c)
  const client = await authenticateClient(deps, { authorization: c.req.header('Authorization'), form }, loadClient)
  return c.json(await beginDevice(deps, client, form))
})

oauth.post('/revoke', async (c) => {
  const { deps } = c.var
  await enforceRateLimits(deps, { oauth_token_address: { address: networkAddress(deps) } })
  const form = await readForm(c)
  const client = await authenticateClient(deps, { authorization: c.req.header('Authorization'), form })
  if (!form.token) throw new OAuthError('invalid_request', 'token is missing.')
  await revokeToken(deps, client, form.token)
  return c.body(null, 200)
})

/** For the operator's resource servers, with a service key. */
oauth.post('/introspect', async (c) => {
  const principal = await authenticate(c)
  if (principal.kind !== 'service') throw new Problem('service_key_only')
  requirePlatformScope(principal, 'platform:verify')
  const { token } = await readForm(c)
  if (!token) throw new OAuthError('invalid_request', 'token is missing.')
  return c.json(await introspect(c.var.deps, token))
})

oauthMetadata.get('/oauth-authorization-server', (c) => {
  requireOffered(c)
  c.header('Cache-Control', 'public, max-age=300')
  return c.json(serverMetadata(c.var.deps))
})

for (const path of ['', MCP_PATH] as const)
  oauthMetadata.get(`/oauth-protected-resource${path}`, (c) => {
    requireOffered(c)
    c.header('Cache-Control', 'public, max-age=300')
    return c.json(resourceMetadata(c.var.deps, path))
  })

/** @throws Problem `not_found` if applications are disabled */
function requireOffered(c: Context<Env>): void {
  if (Object.keys(c.var.deps.config.OAUTH_SCOPES).length === 0) throw new Problem('not_found')
}

/** Anyone may send a form: this is far more than codes, tokens and addresses need. */
const MAX_FORM_BYTES = 32 * 1024

/** @throws OAuthError `invalid_request`, also for a repeated parameter (RFC 6749 §3.2) */
async function readForm(c: Context<Env>): Promise<Form> {
  requireReadable(c.req.raw)
  if (mediaType(c.req.raw) !== 'application/x-www-form-urlencoded')
    throw new OAuthError('invalid_request', 'The body must be a form (application/x-www-form-urlencoded).')
  const fields = [...new URLSearchParams(await readAtMost(c.req.raw, MAX_FORM_BYTES))]
  const seen = new Set<string>()
  for (const [name] of fields) {
    if (seen.has(name)) throw new OAuthError('invalid_request', `${name.slice(0, 50)} is there twice.`)
    seen.add(name)
  }
  return Object.fromEntries(fields.filter(([, value]) => value !== ''))
}

const inWordsOfOAuth = (error: unknown) =>
  error instanceof Problem && error.code === 'oauth_client_unknown'
    ? new OAuthError('invalid_client', error.message)
    : error

function toErrorCode({ status }: Problem): string {
  if (status === 429 || status === 503) return 'temporarily_unavailable'
  return status < 500 ? 'invalid_request' : 'server_error'
}

/** Converts an error to the format of RFC 6749 §5.2. */
function answerError(caught: unknown, c: Context<Env>): Response {
  const error = inWordsOfOAuth(caught)
  if (error instanceof OAuthError) {
    if (error.status === 401) c.header('WWW-Authenticate', 'Basic realm="tollgate"')
    return c.json({ error: error.code, error_description: error.message }, error.status)
  }
  const problem = toProblem(error, c)
  writeProblemHeaders(c, problem, () => BEARER)
  return c.json({ error: toErrorCode(problem), error_description: problem.message }, problem.status)
}
