import type { Deps } from '../../src/deps.ts'
import { toMonth } from '../../src/lib/period.ts'
import { toWindowKey } from '../../src/limits/admission.ts'
import { holdsKey, quotaKey } from '../../src/limits/limit-request.ts'

/** Does what FLUSHALL would to one key and its organization: counters, holds, windows, and their start times. */
export async function flushKey(deps: Pick<Deps, 'redis'>, organizationId: string, lineageId: string) {
  const redis = deps.redis.of(organizationId)
  const { name } = toMonth(Date.now())
  const [counters, windows] = await Promise.all([
    redis.keys(`limit:${lineageId}:*`),
    redis.keys(`${toWindowKey(lineageId)}*`),
  ])
  const ofQuota = [quotaKey(organizationId, name), holdsKey(organizationId, name)]
  await redis.del(...counters, ...windows, ...ofQuota, `limits:${lineageId}`)
}

/** The same to an organization, without its keys. */
export const flushOrganization = (deps: Pick<Deps, 'redis'>, organizationId: string) =>
  flushKey(deps, organizationId, `organization:${organizationId}`)
