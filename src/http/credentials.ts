import { Problem } from '../problems.ts'

/** RFC 6750 §2.1: a b64token. Anything else counts as no token, so that malformed and absent look the same. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i

/** Query parameters in which clients of other systems put credentials. Logs and Referer headers keep them. */
const IN_URL = ['api_key', 'apikey', 'key', 'access_token', 'token']

/**
 * Reads the credential that a request presents: a user's access token or an API key, in `Authorization: Bearer` or
 * `X-API-Key`.
 *
 * @throws Problem `ambiguous_credentials` when both headers have different ones (RFC 6750 §2), `credentials_in_url`
 *   when the query string has one (ASVS 14.2.1)
 */
export function readCredential(request: Request): string | undefined {
  requireCredentialOutsideUrl(request.url)
  return readHeaderCredential(request)
}

/**
 * The same for a request to somebody else's API, whose query parameters may have any name.
 *
 * @throws Problem `ambiguous_credentials`
 */
export function readHeaderCredential(request: Request): string | undefined {
  const bearer = BEARER.exec(request.headers.get('Authorization') ?? '')?.[1]
  const apiKey = request.headers.get('X-API-Key')?.trim() || undefined
  if (bearer && apiKey && bearer !== apiKey) throw new Problem('ambiguous_credentials')
  return bearer ?? apiKey
}

function requireCredentialOutsideUrl(url: string): void {
  const query = url.indexOf('?')
  if (query < 0) return
  const parameters = new URLSearchParams(url.slice(query))
  if (IN_URL.some((name) => parameters.has(name))) throw new Problem('credentials_in_url')
}
