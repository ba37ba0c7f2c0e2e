import { type ClientMetadata, DEVICE_CODE } from './metadata.ts'
import type { ClientRow } from './queries.ts'

/** An application without any consent is deleted after this time. */
const UNUSED_MS = 30 * 24 * 3_600_000

interface Given {
  readonly id: string
  /** In Unix milliseconds. */
  readonly now: number
  readonly secretHash?: Uint8Array | undefined
}

/** The row of an application that presented this metadata. */
export const toRow = (said: ClientMetadata, { id, now, secretHash }: Given): ClientRow => ({
  id,
  name: said.client_name,
  uri: said.client_uri ?? null,
  metadataUrl: null,
  readAgainAt: null,
  redirectUris: said.redirect_uris,
  secretHash: secretHash ?? null,
  authMethod: said.token_endpoint_auth_method,
  refreshes: said.grant_types.includes('refresh_token'),
  devices: said.grant_types.includes(DEVICE_CODE),
  createdAt: new Date(now),
  expiresAt: new Date(now + UNUSED_MS),
})
