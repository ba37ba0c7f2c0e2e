import { defineScript, runScript } from '../db/script.ts'
import type { Deps, RowVersion } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'

/**
 * Longer than any isolate keeps a row that is not confirmed. It is also how long keys in memory go on while Postgres does
 * not answer, since an absent version confirms nothing.
 */
export const VERSION_LIFETIME_SECONDS = 600
const MAX_ATTEMPTS = 3
/** How often, and for how long, an announcement is repeated after the answer: the platform gives deferred work 30 s. */
const REPEAT_MS = 1_000
const MAX_REPEATS = 20

/** KEYS: versions. ARGV: their lifetime in seconds, then a version for each. Never lowers one: announcements overtake each other. */
const PUBLISH = defineScript(`
for i = 1, #KEYS do
  local known = redis.call('GET', KEYS[i])
  if not known or tonumber(known) < tonumber(ARGV[1 + i]) then redis.call('SET', KEYS[i], ARGV[1 + i], 'EX', ARGV[1]) end
end
return #KEYS`)

/** Announcements of this isolate that have not arrived, by their Redis key. The next one that does takes them along. */
const unpublished = new Map<string, number>()

/**
 * Tells every isolate, after a commit, that rows cached with a lower version are outdated, in one round trip. It never
 * fails the request that made the change. While Redis fails it is repeated until it arrives; a change is seen all the same
 * when the cached row reaches its hard age.
 */
export async function publishVersions(deps: Deps, raised: readonly RowVersion[]): Promise<void> {
  if (raised.length === 0) return
  for (const { name, version } of raised) unpublished.set(name, Math.max(version, unpublished.get(name) ?? 0))
  let failure: unknown
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    failure = await sendVersions(deps)
    if (failure === undefined) return
  }
  log('warn', 'versions_not_announced', { count: raised.length, first: raised[0], ...errorFields(failure) })
  deps.defer(repeatPublishing(deps))
}

async function repeatPublishing(deps: Deps): Promise<void> {
  for (let repeat = 0; repeat < MAX_REPEATS && unpublished.size > 0; repeat++) {
    await new Promise((resolve) => setTimeout(resolve, REPEAT_MS))
    await sendVersions(deps)
  }
}

/** @returns what went wrong, if anything; announcing twice is announcing once */
async function sendVersions(deps: Deps): Promise<unknown> {
  const sent = [...unpublished].slice(0, MAX_VERSIONS)
  const names = sent.map(([name]) => name)
  try {
    if (sent.length > 0)
      await runScript(deps.redis, PUBLISH, names, [VERSION_LIFETIME_SECONDS, ...sent.map(([, version]) => version)])
  } catch (error) {
    return error
  }
  for (const [name, version] of sent) if (unpublished.get(name) === version) unpublished.delete(name)
  return undefined
}

/** Of one script: Lua unpacks no more than some thousand values. */
const MAX_VERSIONS = 1_000

export const publishVersion = (deps: Deps, name: string, version: number): Promise<void> =>
  publishVersions(deps, [{ name, version }])
