import * as z from 'zod'
import { line } from '../../http/fields.ts'
import { isStorable, text } from '../../http/text-field.ts'
import { OAuthError } from '../error.ts'
import { isRedirectUri } from '../redirect-uri.ts'

export const AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post'] as const
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'
export const GRANT_TYPES = ['authorization_code', 'refresh_token', DEVICE_CODE] as const

/** An application's client metadata (RFC 7591 §2). Unknown fields are ignored, as the RFC requires. */
const ClientMetadata = z.object({
  redirect_uris: z.array(text(2_000)).max(20).default([]),
  client_name: line(100).default('An application without a name'),
  client_uri: z
    .url({ protocol: /^https$/ })
    .max(500)
    .refine(isStorable, 'must be well-formed Unicode without NUL')
    .optional(),
  token_endpoint_auth_method: z.enum(AUTH_METHODS).default('client_secret_basic'),
  grant_types: z.array(z.string()).default(['authorization_code']),
  response_types: z.array(z.string()).default(['code']),
})

export type ClientMetadata = z.output<typeof ClientMetadata>

/** @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri` */
export function readMetadata(body: unknown): ClientMetadata {
  const { data, error } = ClientMetadata.safeParse(body)
  if (!data) throw describeIssue(error.issues[0])
  if (!data.redirect_uris.every(isRedirectUri))
    throw new OAuthError(
      'invalid_redirect_uri',
      'A redirect URI is over https, on the loopback interface over http, or of a scheme of the application, without a fragment.',
    )
  if (!data.grant_types.every((one) => (GRANT_TYPES as readonly string[]).includes(one)))
    throw new OAuthError('invalid_client_metadata', `grant_types: only ${GRANT_TYPES.join(', ')} are offered.`)
  requireWayIn(data)
  return data
}

/** @throws OAuthError for an application that could never get a token */
function requireWayIn({ grant_types: grants, response_types: responses, redirect_uris: uris }: ClientMetadata): void {
  const usesCodes = grants.includes('authorization_code')
  if (!usesCodes && !grants.includes(DEVICE_CODE))
    throw new OAuthError('invalid_client_metadata', `grant_types: authorization_code or ${DEVICE_CODE} is needed.`)
  if (usesCodes && !responses.includes('code'))
    throw new OAuthError('invalid_client_metadata', 'response_types: authorization_code needs code.')
  if (usesCodes && uris.length === 0)
    throw new OAuthError('invalid_redirect_uri', 'redirect_uris: authorization_code needs at least one.')
}

function describeIssue(issue: z.core.$ZodIssue | undefined): OAuthError {
  const path = issue?.path.join('.') || 'The body'
  const code = issue?.path[0] === 'redirect_uris' ? 'invalid_redirect_uri' : 'invalid_client_metadata'
  return new OAuthError(code, `${path}: ${issue?.message ?? 'is not understood'}`)
}
