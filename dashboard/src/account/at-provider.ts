import { call } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'
import { keepVerifier, newVerifier, takeVerifier } from './verifier.ts'

/**
 * Leaves for an identity provider's page. The browser comes back to this one, with a code or an error in its query.
 *
 * @throws ApiError
 */
export async function leaveForProvider(provider: string): Promise<void> {
  const { verifier, challenge } = await newVerifier()
  const { authorization_url: url } = await call('POST /auth/sign-in', {
    body: {
      provider,
      return_to: location.origin + location.pathname + location.search,
      code_challenge: challenge,
    },
  })
  keepVerifier(verifier)
  location.assign(url)
}

/** What a provider's page, or a link in an email, brought back. */
export interface Returned {
  readonly code: string
  readonly code_verifier: string
}

const REASONS: Readonly<Record<string, string>> = {
  cancelled: 'You left the page of the identity provider before you had signed in there.',
  refused: 'The answer of the identity provider was not valid. Try again; if it happens again, tell the operator.',
  unavailable: 'The identity provider does not answer. Try again in a moment.',
  expired: 'That took too long, was done before, or was begun in another browser. Try again.',
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
