import { type SQL, sql } from 'drizzle-orm'

/**
 * Whether a service key still allows its portal sessions. It must be valid, and have the scope.
 *
 * @param keyId the key's id as an expression of the surrounding query
 */
export const isServiceKeyLive = (keyId: SQL, now: Date) => sql`exists (
  select 1 from api_keys k join organizations p on p.id = k.organization_id and p.is_platform
  where k.id = ${keyId} and k.is_active and (k.scopes && ${'{platform:portal,platform:*}'}::text[])
    and (k.revoked_at is null or k.revoked_at > ${now.toISOString()}::timestamptz)
    and (k.expires_at is null or k.expires_at > ${now.toISOString()}::timestamptz))`
