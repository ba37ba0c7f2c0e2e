/** Settings that `npm start` is given and does not read. Nothing here quotes a value. */
import { SETTINGS } from '../../src/config.ts'
import { ALIAS_NAMES } from '../../src/config-aliases.ts'
import { findMisspelled } from '../../src/config-names.ts'
import { OF_START } from './settings.ts'

/** What a deployment to Cloudflare reads, and what takes its place here. */
const UNREAD = {
  UPSTASH_REDIS_REST_URL: 'REDIS_URL',
  UPSTASH_REDIS_REST_TOKEN: 'REDIS_URL',
  REDIS_SHARDS: 'REDIS_SHARD_URLS',
  NEON_FETCH_ENDPOINT: 'DATABASE_URL',
} as const

type Notices = ReturnType<typeof findMisspelled>

/** Before a start: the Worker is given only what is known, so that it cannot say this itself. */
export const findStartNotices = (env: NodeJS.ProcessEnv): Notices => [
  ...findMisspelled(env, [...Object.keys(SETTINGS), ...ALIAS_NAMES, ...OF_START]),
  ...findUnread(env),
]

export const findUnread = (env: NodeJS.ProcessEnv): Notices =>
  Object.entries(UNREAD).flatMap(([variable, instead]) =>
    env[variable]?.trim() ? [{ variable, reason: `is not read by npm start; ${instead} takes its place` }] : [],
  )
