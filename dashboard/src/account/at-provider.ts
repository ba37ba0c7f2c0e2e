import { call } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'

/** What this tab keeps while the browser is at the provider's page. Another tab, or another site, cannot use the code. */
const KEY = 'tollgate-sign-in'

const toBase64Url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/**
 * Leaves for an identity provider's page. The browser comes back to this one, with a code or an error in its query.
 *
 * @throws ApiError
 */
export async function leaveForProvider(provider: string): Promise<void> {
  const verifier = toBase64Url(crypto.getRandomValues(new Uint8Array(32)))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const { authorization_url: url } = await call('POST /auth/sign-in', {
    body: {
      provider,
      return_to: location.origin + location.pathname + location.search,
      code_challenge: toBase64Url(new Uint8Array(digest)),
    },
  })
  sessionStorage.setItem(KEY, verifier)
  location.assign(url)
}

/** What a provider's page brought back. */
export interface Returned {
  readonly code: string
  readonly code_verifier: string
}

const REASONS: Readonly<Record<string, string>> = {
  cancelled: 'You left the page of the identity provider before you had signed in there.',
  refused: 'The answer of the identity provider was not valid. Try again; if it happens again, tell the operator.',
  unavailable: 'The identity provider does not answer. Try again in a moment.',
  expired: 'That took too long, or was done before. Try again.',
}

/** Takes what a provider's page brought back out of the address and of this tab, so that it is used once. */
export function takeReturned(): Returned | ApiError | undefined {
  const url = new URL(location.href)
  const [code, error] = ['sign_in_code', 'sign_in_error'].map((name) => url.searchParams.get(name))
  if (!code && !error) return undefined
  url.searchParams.delete('sign_in_code')
  url.searchParams.delete('sign_in_error')
  history.replaceState(history.state, '', url)
  const verifier = sessionStorage.getItem(KEY)
  sessionStorage.removeItem(KEY)
  if (code && verifier) return { code, code_verifier: verifier }
  return new ApiError(400, { code: 'sign_in_failed', title: REASONS[error ?? 'expired'] ?? REASONS.refused ?? '' })
}
