import * as z from 'zod'
import type { ManagementDeps } from '../deps.ts'
import { base64url, equalBytes, randomBytes, sha256 } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { enforceRateLimits, networkAddress } from '../limits/endpoint-limits.ts'
import { OAuthError } from './error.ts'
import { type ClientRow, findClient, insertClient } from './queries.ts'
import { isRedirectUri } from './redirect-uri.ts'

/** One that nobody agreed to is forgotten after this time. */
const UNUSED_MS = 30 * 24 * 3_600_000

export const AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post'] as const
export const GRANT_TYPES = ['authorization_code', 'refresh_token'] as const

const words = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^\P{Cc}*$/u, 'must not contain control characters')

/** What an application says of itself (RFC 7591 §2). What is not known is ignored, as it demands. */
const ClientMetadata = z.object({
  redirect_uris: z.array(z.string().max(2_000)).min(1).max(20),
  client_name: words(100).min(1).default('An application without a name'),
  client_uri: z
    .url({ protocol: /^https$/ })
    .max(500)
    .optional(),
  token_endpoint_auth_method: z.enum(AUTH_METHODS).default('client_secret_basic'),
  grant_types: z.array(z.string()).default(['authorization_code']),
  response_types: z.array(z.string()).default(['code']),
})

/** Registers an application (RFC 7591 §3). @throws OAuthError; Problem `rate_limited` */
export async function registerClient(deps: ManagementDeps, body: unknown) {
  await enforceRateLimits(deps, { oauth_register_address: { address: networkAddress(deps) } })
  const metadata = readMetadata(body)
  const now = deps.now()
  const secret = metadata.token_endpoint_auth_method === 'none' ? undefined : `ocs_${base64url(randomBytes(32))}`
  const row: ClientRow = {
    id: uuidv7(now),
    name: metadata.client_name,
    uri: metadata.client_uri ?? null,
    redirectUris: metadata.redirect_uris,
    secretHash: secret === undefined ? null : sha256(secret),
    authMethod: metadata.token_endpoint_auth_method,
    refreshes: metadata.grant_types.includes('refresh_token'),
    createdAt: new Date(now),
    expiresAt: new Date(now + UNUSED_MS),
  }
  await insertClient(deps.db, row)
  return {
    client_id: row.id,
    client_id_issued_at: Math.floor(now / 1_000),
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    ...metadata,
  }
}

function readMetadata(body: unknown): z.output<typeof ClientMetadata> {
  const { data, error } = ClientMetadata.safeParse(body)
  if (!data) throw describeIssue(error.issues[0])
  if (!data.redirect_uris.every(isRedirectUri))
    throw new OAuthError(
      'invalid_redirect_uri',
      'A redirect URI is over https, on the loopback interface over http, or of a scheme of the application, without a fragment.',
    )
  if (!data.grant_types.every((one) => (GRANT_TYPES as readonly string[]).includes(one)))
    throw new OAuthError('invalid_client_metadata', `grant_types: only ${GRANT_TYPES.join(' and ')} are offered.`)
  if (!data.grant_types.includes('authorization_code') || !data.response_types.includes('code'))
    throw new OAuthError('invalid_client_metadata', 'Applications are let in by an authorization code alone.')
  return data
}

function describeIssue(issue: z.core.$ZodIssue | undefined): OAuthError {
  const path = issue?.path.join('.') || 'The body'
  const code = issue?.path[0] === 'redirect_uris' ? 'invalid_redirect_uri' : 'invalid_client_metadata'
  return new OAuthError(code, `${path}: ${issue?.message ?? 'is not understood'}`)
}

/** How an application presents itself at the token endpoint (RFC 6749 §2.3). */
export interface Presented {
  readonly authorization: string | undefined
  readonly form: Readonly<Record<string, string>>
}

/** @throws OAuthError `invalid_client` */
export async function authenticateClient(deps: ManagementDeps, { authorization, form }: Presented): Promise<ClientRow> {
  const basic = readBasic(authorization)
  const { client_id: named = basic?.id, client_secret: posted } = form
  if (basic && named !== basic.id)
    throw new OAuthError('invalid_client', 'The header and the body name different applications.')
  const client = named === undefined ? undefined : await findClient(deps.db, named)
  if (!client) throw new OAuthError('invalid_client', 'There is no such application.')
  if (!isAuthenticated(client, basic?.secret, posted))
    throw new OAuthError('invalid_client', `The application authenticates by ${client.authMethod}; this did not.`)
  return client
}

/** A public application presents no secret. */
function isAuthenticated(
  { authMethod, secretHash }: ClientRow,
  inHeader: string | undefined,
  inBody: string | undefined,
): boolean {
  if (secretHash === null) return inHeader === undefined && inBody === undefined
  const secret = authMethod === 'client_secret_basic' ? inHeader : inBody
  return secret !== undefined && equalBytes(sha256(secret), secretHash)
}

/** @throws OAuthError `invalid_client` for a header that is no Basic one (RFC 7617) */
function readBasic(authorization: string | undefined) {
  if (authorization === undefined) return undefined
  const [, encoded = ''] = /^Basic +([\w+/=-]{1,2000})$/i.exec(authorization) ?? []
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0)),
    )
    const at = text.indexOf(':')
    if (at > 0) return { id: decodeForm(text.slice(0, at)), secret: decodeForm(text.slice(at + 1)) }
  } catch {
    // refused below
  }
  throw new OAuthError('invalid_client', 'The Authorization header is not understood.')
}

/** RFC 6749 §2.3.1: both parts are encoded as in a form. */
const decodeForm = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
