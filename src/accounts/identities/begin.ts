import type * as z from 'zod'
import type { SignInProvider } from '../../config-providers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { safeReturn } from '../../http/return-url.ts'
import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { errorFields, log } from '../../lib/log.ts'
import { seal } from '../../lib/seal.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { authorizationUrl, newSecrets } from './authorize.ts'
import { findConfigured } from './provider.ts'
import { insertAttempt } from './queries.ts'
import type { SignIn } from './schemas.ts'

/** Long enough to sign in at the provider, including its second factor. */
const ATTEMPT_SECONDS = 10 * 60

/** The purpose under which the secrets of an attempt are sealed. */
export const attemptPurpose = (id: string) => `sign-in:${id}`

/** A page that begins a sign-in. */
interface Page {
  readonly return_to: string
  readonly code_challenge: string
}

/**
 * Begins a sign-in, or the linking of an identity: how the resulting code is used decides which.
 *
 * @returns the URL of the provider's page to open
 * @throws Problem `invalid_request` for a provider that is not configured, or a `return_to` that browsers may not be sent to;
 *   `identity_provider_unavailable`, `rate_limited`
 */
export async function beginSignIn(deps: ManagementDeps, request: z.output<typeof SignIn>) {
  const provider = requireProvider(deps, request.provider)
  await enforceRateLimits(deps, { sign_in_address: { address: networkAddress(deps) } })
  return beginAt(deps, provider, request)
}

/** @throws Problem `invalid_request` for a `return_to` that browsers may not be sent to; `identity_provider_unavailable` */
export async function beginAt(deps: ManagementDeps, provider: SignInProvider, page: Page, loginHint?: string) {
  const returnTo = safeReturn(deps.config, 'return_to', page.return_to)
  const state = base64url(randomBytes(32))
  const secrets = newSecrets()
  const url = await openPage(deps, provider, { ...secrets, state, loginHint })
  const now = deps.now()
  const id = uuidv7(now)
  await insertAttempt(deps.db, {
    id,
    provider: provider.id,
    stateHash: sha256(state),
    secretsEncrypted: await seal(deps.config, attemptPurpose(id), JSON.stringify(secrets)),
    returnTo,
    codeChallenge: page.code_challenge,
    createdAt: new Date(now),
    expiresAt: new Date(now + ATTEMPT_SECONDS * 1_000),
  })
  return { authorization_url: url, expires_in: ATTEMPT_SECONDS }
}

function requireProvider({ config }: ManagementDeps, id: string): SignInProvider {
  const provider = findConfigured(config, id)
  if (provider) return provider
  const known = config.SIGN_IN_PROVIDERS.map((one) => one.id).join(', ')
  const message = known === '' ? 'is none: this deployment has no identity provider' : `must be one of ${known}`
  throw new Problem('invalid_request', { errors: [{ path: 'body.provider', message }] })
}

async function openPage(
  deps: ManagementDeps,
  provider: SignInProvider,
  secrets: Parameters<typeof authorizationUrl>[2],
) {
  try {
    return await authorizationUrl(deps, provider, secrets)
  } catch (error) {
    log('warn', 'identity_provider_failed', { provider: provider.id, step: 'metadata', ...errorFields(error) })
    throw new Problem('identity_provider_unavailable')
  }
}
