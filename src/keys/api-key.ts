import type * as z from 'zod'
import { Problem } from '../problems.ts'
import type { ShownKey } from './queries.ts'
import type { ApiKey } from './schemas.ts'

/** A key's row as it goes over the wire. @throws Problem `key_not_found` */
export function toApiKey(row: ShownKey | undefined): z.output<typeof ApiKey> {
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
    expires_at: row.expiresAt?.toISOString() ?? null,
    revoked_at: row.revokedAt?.toISOString() ?? null,
    custom_rate_limit: row.customRateLimit,
    allowed_ips: row.allowedIps,
    metadata: row.metadata,
    total_requests: row.totalRequests ?? 0,
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
    organization_id: row.organizationId,
    created_by: row.createdBy,
  }
}
