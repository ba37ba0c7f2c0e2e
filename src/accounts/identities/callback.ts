import type { Context } from 'hono'
import * as oauth from 'oauth4webapi'
import { audited } from '../../audit/record.ts'
import type { ManagementEnv } from '../../auth/env.ts'
import type { SignInProvider } from '../../config-providers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { errorFields, log } from '../../lib/log.ts'
import { unseal } from '../../lib/seal.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { attemptPurpose } from './begin.ts'
import { identify } from './identify.ts'
import { findProvider } from './provider.ts'
import { claimCallback, findReturn, keepIdentity } from './queries.ts'
import { ProviderUnreachable } from './server.ts'

/** The lifetime of a code. The page that the browser is sent to uses it at once. */
const CODE_MS = 2 * 60_000

/**
 * Why there is no code: the person left the provider's page; the provider's response is invalid; it did not respond; or the
 * sign-in was already completed, or took too long.
 */
type Failure = 'canceled' | 'refused' | 'unavailable' | 'expired'

/**
 * Processes a provider's redirect and sends the browser on: with a code that only the requesting page can use, or with the reason
 * why there is none. This does not sign anybody in. A second request with the same state does nothing.
 *
 * @throws Problem `rate_limited`
 */
export async function handleCallback(c: Context<ManagementEnv>): Promise<Response> {
  if (c.req.method !== 'GET') return c.body(null, 405, { Allow: 'GET' }) // HEAD would use up the state
  const { deps } = c.var
  await enforceRateLimits(deps, { sign_in_address: { address: networkAddress(deps) } })
  const parameters = new URL(c.req.url).searchParams
  const stateHash = sha256(parameters.get('state') ?? '')
  const attempt = await claimCallback(deps.db, stateHash, new Date(deps.now()))
  if (!attempt) {
    const home = `${deps.config.PUBLIC_URL}${c.env.assets ? '/dashboard/sign-in' : '/'}`
    const returnTo = (await findReturn(deps.db, stateHash)) ?? home
    return sendBack(c, returnTo, { sign_in_error: 'expired' })
  }
  return sendBack(c, attempt.returnTo, await answer(deps, attempt, parameters))
}

type Attempt = NonNullable<Awaited<ReturnType<typeof claimCallback>>>

async function answer(deps: ManagementDeps, attempt: Attempt, parameters: URLSearchParams) {
  const provider = await findProvider(deps, attempt.provider)
  if (!provider) return { sign_in_error: 'refused' } as const
  try {
    const secrets = JSON.parse(await unseal(deps.config, attemptPurpose(attempt.id), attempt.secretsEncrypted))
    const identity = await identify(deps, provider, parameters, secrets)
    const code = base64url(randomBytes(32))
    const expiresAt = new Date(deps.now() + CODE_MS)
    await keepIdentity(deps.db, attempt.id, { codeHash: sha256(code), identity, expiresAt })
    return { sign_in_code: code }
  } catch (error) {
    return { sign_in_error: await explain(deps, provider, error) }
  }
}

async function explain(deps: ManagementDeps, provider: SignInProvider, error: unknown): Promise<Failure> {
  const failure = classify(error)
  if (failure === 'canceled') return failure
  log('warn', 'identity_provider_failed', { provider: provider.id, step: 'callback', ...errorFields(error) })
  await audited(deps, {
    action: 'login.failed',
    actor: undefined,
    result: 'failure',
    detail: { factor: 'identity', provider: provider.id, reason: failure },
  })
  return failure
}

function classify(error: unknown): Failure {
  if (error instanceof oauth.AuthorizationResponseError) return error.error === 'access_denied' ? 'canceled' : 'refused'
  return error instanceof ProviderUnreachable ? 'unavailable' : 'refused'
}

/** The code is in the URL, so the redirect sends no referrer to other pages and is not cached. */
function sendBack(c: Context<ManagementEnv>, returnTo: string, result: Readonly<Record<string, string>>): Response {
  const url = new URL(returnTo)
  for (const [name, value] of Object.entries(result)) url.searchParams.set(name, value)
  c.header('Cache-Control', 'no-store')
  c.header('Referrer-Policy', 'no-referrer')
  return c.redirect(url.href, 303)
}
