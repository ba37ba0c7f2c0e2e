import type { ManagementDeps } from '../../deps.ts'
import { findTargetFlaw } from '../../events/target-rules.ts'
import { fetchJson, UnusableAnswer } from '../../http/fetch-json.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { OAuthError } from '../error.ts'
import { isRedirectUri } from '../redirect-uri.ts'
import { GRANT_TYPES, readMetadata } from './metadata.ts'
import { type ClientRow, findClient, upsertDescribed } from './queries.ts'
import { toRow } from './row.ts'

const MAX_BYTES = 16 * 1024
const TIMEOUT_MS = 3_000

/**
 * The application of a `client_id`. If the id is an address, the document there describes the application (Client ID Metadata Document,
 * draft-ietf-oauth-client-id-metadata-document), and is fetched again when it is no longer fresh. So nobody has to register, and the
 * application belongs to the owner of the address.
 *
 * @throws Problem `oauth_client_unknown`, also for a document that cannot be read or is inconsistent; `rate_limited`
 */
export async function loadClient(deps: ManagementDeps, id: string): Promise<ClientRow> {
  const known = await findClient(deps.db, id)
  if (known && (known.readAgainAt === null || known.readAgainAt.getTime() > deps.now())) return known
  if (!/^https?:/.test(id)) throw new Problem('oauth_client_unknown')
  requireDocumentAddress(id, deps.config.PUBLIC_URL)
  await enforceRateLimits(deps, { oauth_register_address: { address: networkAddress(deps) } })
  return upsertDescribed(deps.db, await readDocument(deps, id))
}

const unknown = (detail: string) => new Problem('oauth_client_unknown', { detail })

/** @throws Problem `oauth_client_unknown`; as for webhooks, no address that only this service can reach is called (SSRF) */
function requireDocumentAddress(id: string, publicUrl: string): void {
  const flaw = findTargetFlaw(id, publicUrl)
  if (flaw !== undefined) throw unknown(`The client_id ${flaw}.`)
  const { href, pathname } = new URL(id)
  if (href !== id || pathname === '/' || /[?#]/.test(id))
    throw unknown('The client_id must be an address with a path, in its plain form, without a query and a fragment.')
}

async function readDocument(deps: ManagementDeps, url: string): Promise<ClientRow> {
  const now = deps.now()
  const { content, freshSeconds } = await fetchDocument(url)
  const said: Record<string, unknown> = typeof content === 'object' && content !== null ? { ...content } : {}
  if (said.client_id !== url) throw unknown('The document at the client_id names another client_id.')
  const { token_endpoint_auth_method: method = 'none' } = said
  if (method !== 'none' || 'client_secret' in said || 'client_secret_expires_at' in said)
    throw unknown(
      'The document at the client_id is public, so it must say token_endpoint_auth_method none, and no secret.',
    )
  try {
    const row = toRow(readMetadata({ ...withoutForeign(said), token_endpoint_auth_method: method }), {
      id: uuidv7(now),
      now,
    })
    return { ...row, metadataUrl: url, readAgainAt: new Date(now + freshSeconds * 1_000) }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    throw unknown(`The document at the client_id: ${error.message}`)
  }
}

/** Every authorization server reads the document: entries that are not supported here are for others. */
function withoutForeign({
  grant_types: grants,
  redirect_uris: uris,
  client_uri: page,
  ...said
}: Record<string, unknown>) {
  const offered: readonly unknown[] = GRANT_TYPES
  return {
    ...said,
    ...(Array.isArray(grants) && { grant_types: grants.filter((grant) => offered.includes(grant)) }),
    ...(Array.isArray(uris) && { redirect_uris: uris.filter((uri) => typeof uri === 'string' && isRedirectUri(uri)) }),
    ...(typeof page === 'string' && page.startsWith('https://') && { client_uri: page }),
  }
}

async function fetchDocument(url: string) {
  try {
    return await fetchJson(url, { accept: 'application/json', timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES })
  } catch (error) {
    const why = error instanceof UnusableAnswer ? error.message : 'It did not answer in time.'
    throw unknown(`The document at the client_id cannot be read. ${why}`)
  }
}
