import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'

/** Longer than any isolate keeps a row: after that nobody is left to be told. */
const LIFETIME_SECONDS = 120
const TRIES = 3

/** KEYS: versions. ARGV: their lifetime in seconds, then a version for each. Never lowers one: announcements overtake each other. */
const RAISE = defineScript(`
for i = 1, #KEYS do
  local known = redis.call('GET', KEYS[i])
  if not known or tonumber(known) < tonumber(ARGV[1 + i]) then redis.call('SET', KEYS[i], ARGV[1 + i], 'EX', ARGV[1]) end
end
return #KEYS`)

export const keyVersion = (keyId: string) => `version:key:${keyId}`
export const organizationVersion = (organizationId: string) => `version:organization:${organizationId}`

/** A key of `keyVersion` or `organizationVersion`, and the version its row has now. */
interface Raised {
  readonly name: string
  readonly version: number
}

/**
 * Tells every isolate, after a commit, that rows cached with a lower version are outdated, in one round trip. If Redis
 * fails the change is still seen, when the cached row reaches its hard age; so this never fails the request that made it.
 */
export async function announceVersions(deps: Deps, raised: readonly Raised[]): Promise<void> {
  if (raised.length === 0) return
  const names = raised.map(({ name }) => name)
  for (let attempt = 1; ; attempt++) {
    try {
      await runScript(deps.redis, RAISE, names, [LIFETIME_SECONDS, ...raised.map(({ version }) => version)])
      return
    } catch (error) {
      if (attempt < TRIES) continue // raising twice is raising once
      log('warn', 'versions_not_announced', { count: raised.length, first: raised[0], ...errorFields(error) })
      return
    }
  }
}

export const announceVersion = (deps: Deps, name: string, version: number): Promise<void> =>
  announceVersions(deps, [{ name, version }])
