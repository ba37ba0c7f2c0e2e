import { call } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'
import type { SignInPage } from '../api/types.ts'
import { keepVerifier, newVerifier, takeVerifier } from './verifier.ts'

/** Where a browser comes back to. */
const here = () => location.origin + location.pathname + location.search

/**
 * Leaves for an identity provider's page. The browser comes back to this one, with a code or an error in its query.
 *
 * @throws ApiError
 */
export const leaveForProvider = (provider: string): Promise<void> =>
  leave((page) => call('POST /auth/sign-in', { body: { provider, ...page } }), here())

/**
 * The same for the provider of the organization whose address somebody has.
 *
 * @param returnTo the sign-in page, or this one
 */
export const leaveForSso = (email: string, returnTo = here()): Promise<void> =>
  leave((page) => call('POST /auth/sign-in/sso', { body: { email, ...page } }), returnTo)

interface Page {
  readonly return_to: string
  readonly code_challenge: string
}

async function leave(begin: (page: Page) => Promise<SignInPage>, returnTo: string): Promise<void> {
  const { verifier, challenge } = await newVerifier()
  const { authorization_url: url } = await begin({ return_to: returnTo, code_challenge: challenge })
  keepVerifier(verifier)
  location.assign(url)
}

/** What a provider's page, or a link in an email, brought back. */
export interface Returned {
  readonly code: string
  readonly code_verifier: string
}

const REASONS: Readonly<Record<string, string>> = {
  canceled: 'You left the identity provider’s page before you signed in.',
  refused: 'The identity provider sent an invalid response. Try again. If it keeps happening, contact the operator.',
  unavailable: 'The identity provider is not responding. Try again in a moment.',
  expired: 'The sign-in expired, was already completed or was started in another browser. Try again.',
}

/** Takes what a provider's page brought back out of the address and of this tab, so that it is used once. */
export function takeReturned(): Returned | ApiError | undefined {
  const url = new URL(location.href)
  const [code, error] = ['sign_in_code', 'sign_in_error'].map((name) => url.searchParams.get(name))
  if (!code && !error) return undefined
  url.searchParams.delete('sign_in_code')
  url.searchParams.delete('sign_in_error')
  history.replaceState(history.state, '', url)
  const verifier = takeVerifier()
  if (code && verifier) return { code, code_verifier: verifier }
  return new ApiError(400, { code: 'sign_in_failed', title: REASONS[error ?? 'expired'] ?? REASONS.refused ?? '' })
}
