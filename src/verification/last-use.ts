import type { Deps } from '../deps.ts'
import { errorFields, logRepeated } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'

/** The resolution of a key's last use, for calls to the management API. */
const EVERY_MS = 60_000
const MAX_KEYS = 10_000

const noted = createLru<number>(MAX_KEYS)

/**
 * Records, after the answer, that a key was used for a call to the management API. Such calls are not usage of the
 * customer's API and do not appear in its reports, but a key in use must not look unused.
 */
export function noteLastUse(deps: Deps, { keyId, organizationId }: { keyId: string; organizationId: string }): void {
  const now = deps.now()
  if (now - (noted.get(keyId) ?? 0) < EVERY_MS) return
  noted.set(keyId, now)
  const written = deps.sql.query(
    `insert into api_key_usage as known (key_id, organization_id, total_requests, last_used_at) values ($1, $2, 0, $3)
     on conflict (key_id) do update set last_used_at = greatest(known.last_used_at, excluded.last_used_at)`,
    [keyId, organizationId, new Date(now).toISOString()],
  )
  deps.defer(
    written.catch((error) => {
      noted.delete(keyId)
      logRepeated('warn', 'last_use_not_noted', errorFields(error))
    }),
  )
}
