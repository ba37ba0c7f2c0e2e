import type { ClientRow } from './clients/queries.ts'
import type { Tokens } from './tokens.ts'

interface Access {
  readonly scopes: readonly string[]
  /** How long the access token still works. */
  readonly seconds: number
}

/** The response of the token endpoint (RFC 6749 §5.1). */
export const toAnswer = ({ refreshes }: ClientRow, { access, refresh }: Tokens, { scopes, seconds }: Access) => ({
  access_token: access,
  token_type: 'Bearer',
  expires_in: seconds,
  scope: scopes.join(' '),
  ...(refreshes && { refresh_token: refresh }),
})
