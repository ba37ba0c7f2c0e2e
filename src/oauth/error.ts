/** The error codes of RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2, RFC 8628 §3.5 and RFC 8707 §2 that are used here. */
type OAuthCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_redirect_uri'
  | 'invalid_client_metadata'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'unauthorized_client'
  | 'authorization_pending'
  | 'slow_down'
  | 'access_denied'
  | 'expired_token'

/** A refusal in the error format of OAuth. */
export class OAuthError extends Error {
  readonly code: OAuthCode

  /** @param description for the developer of the application */
  constructor(code: OAuthCode, description: string) {
    super(description)
    this.code = code
  }

  get status(): 400 | 401 {
    return this.code === 'invalid_client' ? 401 : 400
  }
}
