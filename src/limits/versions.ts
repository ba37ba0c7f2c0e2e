import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'

/** Longer than any isolate keeps a row: after that nobody is left to be told. */
const LIFETIME_SECONDS = 120

/** KEYS: the version. ARGV: the new version, its lifetime in seconds. Never lowers: announcements can overtake each other. */
const RAISE = defineScript(`
local known = redis.call('GET', KEYS[1])
if not known or tonumber(known) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return 1`)

export const keyVersion = (keyId: string) => `version:key:${keyId}`
export const organizationVersion = (organizationId: string) => `version:organization:${organizationId}`

/**
 * Tells every isolate, after a commit, that rows cached with a lower version are outdated. If Redis fails the change is
 * still seen, when the cached row reaches its hard age; so this never fails the request that made the change.
 *
 * @param name a key of `keyVersion` or `organizationVersion`
 */
export async function announceVersion(deps: Deps, name: string, version: number): Promise<void> {
  try {
    await runScript(deps.redis, RAISE, [name], [version, LIFETIME_SECONDS])
  } catch (error) {
    log('warn', 'version_not_announced', { name, version, ...errorFields(error) })
  }
}
