import type { ManagementDeps } from '../../deps.ts'
import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { readMetadata } from './metadata.ts'
import { insertClient } from './queries.ts'
import { toRow } from './row.ts'

/** Registers an application (RFC 7591 §3). @throws OAuthError; Problem `rate_limited` */
export async function registerClient(deps: ManagementDeps, body: unknown) {
  await enforceRateLimits(deps, { oauth_register_address: { address: networkAddress(deps) } })
  const metadata = readMetadata(body)
  const [id, now] = [uuidv7(deps.now()), deps.now()]
  const secret = metadata.token_endpoint_auth_method === 'none' ? undefined : `ocs_${base64url(randomBytes(32))}`
  await insertClient(
    deps.db,
    toRow(metadata, { id, now, secretHash: secret === undefined ? undefined : sha256(secret) }),
  )
  return {
    client_id: id,
    client_id_issued_at: Math.floor(now / 1_000),
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    ...metadata,
  }
}
