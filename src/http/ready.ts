import type { Context } from 'hono'
import { readSchemaVersion } from '../db/schema-version.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import type { AppEnv, Env } from './env.ts'
import { findStores, identity } from './health.ts'

/** A complete schema is read again only after this: a migration is undone far more rarely than stores fail. */
const COMPLETE_MS = 10_000

let completeUntil = 0

/**
 * Whether this version can do its work here: 200 when both stores accept writes and the schema has every migration that
 * this version was built for, else 503 with what is missing. A schema that is ahead is fine: migrations only expand it, so
 * earlier versions still work.
 */
export async function ready(c: Context<AppEnv>): Promise<Response> {
  const { deps } = c.var
  const [stores, missing] = await Promise.all([findStores(deps), findMissing(deps)])
  const isReady = Object.values(stores).every((state) => state === 'connected') && missing?.length === 0
  return c.json(
    {
      ...identity(deps, isReady),
      version_id: findVersionId(c.env),
      status: isReady ? 'ready' : 'not_ready',
      ...stores,
      missing_migrations: missing,
    },
    isReady ? 200 : 503,
  )
}

/** @returns Cloudflare's id of the version that answers; null where there is none, as without Cloudflare */
function findVersionId({ CF_VERSION_METADATA: bound }: Env): string | null {
  return typeof bound === 'object' && bound !== null && 'id' in bound ? String(bound.id) : null
}

/** @returns null if the database does not answer */
async function findMissing(deps: Deps): Promise<readonly string[] | null> {
  const now = deps.now()
  if (now < completeUntil && completeUntil - now <= COMPLETE_MS) return []
  try {
    const { missing } = await readSchemaVersion(deps)
    completeUntil = missing.length === 0 ? now + COMPLETE_MS : 0
    return missing
  } catch (error) {
    log('error', 'health_check_failed', { part: 'schema', state: 'unreachable', ...errorFields(error) })
    return null
  }
}
