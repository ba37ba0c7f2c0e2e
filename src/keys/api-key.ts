import type * as z from 'zod'
import { dateToIso } from '../lib/iso.ts'
import { Problem } from '../problems.ts'
import { describeNamedLimit } from './limit-schemas.ts'
import type { KeyView } from './queries.ts'
import type { ApiKey } from './schemas.ts'
import type { NewKeyRow } from './write-queries.ts'

/** A key's row in its wire form. @throws Problem `key_not_found` */
export function toApiKey(row: KeyView | undefined): z.output<typeof ApiKey> {
  if (!row) throw new Problem('key_not_found')
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    key_prefix: row.keyPrefix,
    key_hint: row.keyHint,
    environment: row.environment,
    scopes: row.scopes,
    is_active: row.isActive,
    expires_at: dateToIso(row.expiresAt),
    revoked_at: dateToIso(row.revokedAt),
    custom_rate_limit: row.customRateLimit,
    limits: row.limits.map(describeNamedLimit),
    max_concurrent: row.maxConcurrent,
    allowed_ips: row.allowedIps,
    metadata: row.metadata,
    total_requests: row.totalRequests ?? 0,
    last_used_at: dateToIso(row.lastUsedAt),
    created_at: row.createdAt.toISOString(),
    organization_id: row.organizationId,
    created_by: row.createdBy,
    rotated_from: row.rotatedFrom,
    replaced_by: row.replacedBy,
    leaked_at: dateToIso(row.leakedAt),
    client_id: row.clientId,
  }
}

/** A new row as a read after the insert would return it. The batch that inserts the row also stores the answer. */
export function asIssued(row: NewKeyRow & { readonly createdAt: Date }): KeyView {
  return {
    ...row,
    scopes: [...row.scopes],
    allowedIps: row.allowedIps && [...row.allowedIps],
    expiresAt: row.expiresAt === null ? null : new Date(row.expiresAt),
    updatedAt: row.createdAt,
    isActive: true,
    revokedAt: null,
    hasChecksum: true,
    rotatedFrom: null,
    lineageId: null,
    replacedBy: null,
    leakedAt: null,
    clientId: null,
    version: 1,
    totalRequests: null,
    lastUsedAt: null,
  }
}
