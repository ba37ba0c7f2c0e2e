import type { Redis } from '@upstash/redis/cloudflare'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps, RowVersion } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { sleep } from '../lib/sleep.ts'

/**
 * Longer than any isolate keeps an unconfirmed row. It is also how long cached keys stay in use while Postgres does not
 * respond, because an absent version confirms nothing.
 */
export const VERSION_LIFETIME_SECONDS = 600
const MAX_ATTEMPTS = 3
/** How often, and for how long, publishing is retried after the response. The platform gives deferred work 30 s. */
const REPEAT_MS = 1_000
const MAX_REPEATS = 20

/**
 * KEYS: versions. ARGV: their lifetime in seconds, then a version for each. Never lowers one, because publications can
 * overtake each other.
 */
const PUBLISH = defineScript(`
for i = 1, #KEYS do
  local known = redis.call('GET', KEYS[i])
  if not known or tonumber(known) < tonumber(ARGV[1 + i]) then redis.call('SET', KEYS[i], ARGV[1 + i], 'EX', ARGV[1]) end
end
return #KEYS`)

/**
 * Versions that this isolate has not published yet, by Redis key, of each database. The next successful publication there
 * includes them.
 */
const unpublished: Map<string, number>[] = []

/**
 * Publishes versions after a commit, in one round trip to each Redis database, so that every isolate treats rows cached with
 * a lower version as stale. Every database gets all of them: a verdict about one organization's key may depend on the service
 * key of another. Never fails the request that made the change. While a database fails, it retries until it succeeds. Even
 * without it, isolates see the change when the cached row reaches its maximum age.
 */
export async function publishVersions(deps: Deps, raised: readonly RowVersion[]): Promise<void> {
  if (raised.length === 0) return
  const databases = deps.redis.all.map((redis, place) => ({ redis, waiting: (unpublished[place] ??= new Map()) }))
  await Promise.all(databases.map((database) => publishIn(deps, database, raised)))
}

interface Database {
  readonly redis: Redis
  /** The versions that it does not have yet. */
  readonly waiting: Map<string, number>
}

async function publishIn(deps: Deps, database: Database, raised: readonly RowVersion[]): Promise<void> {
  const { waiting } = database
  for (const { name, version } of raised) {
    const known = waiting.get(name) ?? 0
    waiting.delete(name) // moves it to the end: the newest change is sent first
    waiting.set(name, Math.max(version, known))
  }
  let failure: unknown
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; ) {
    failure = await sendVersions(database)
    if (failure !== undefined) attempt++
    else if (waiting.size === 0) return
  }
  log('warn', 'versions_not_announced', { count: raised.length, first: raised[0], ...errorFields(failure) })
  deps.defer(repeatPublishing(database))
}

async function repeatPublishing(database: Database): Promise<void> {
  for (let repeat = 0; repeat < MAX_REPEATS && database.waiting.size > 0; repeat++) {
    await sleep(REPEAT_MS)
    await sendVersions(database)
  }
}

/** @returns the error, if any; publishing is idempotent */
async function sendVersions({ redis, waiting }: Database): Promise<unknown> {
  const sent = [...waiting].slice(-MAX_VERSIONS)
  const names = sent.map(([name]) => name)
  try {
    if (sent.length > 0)
      await runScript(redis, PUBLISH, names, [VERSION_LIFETIME_SECONDS, ...sent.map(([, version]) => version)])
  } catch (error) {
    return error
  }
  for (const [name, version] of sent) if (waiting.get(name) === version) waiting.delete(name)
  return undefined
}

/** Per script call: Lua unpacks no more than a few thousand values. */
const MAX_VERSIONS = 1_000

export const publishVersion = (deps: Deps, name: string, version: number): Promise<void> =>
  publishVersions(deps, [{ name, version }])
