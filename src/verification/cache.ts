import type { Deps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { errorFields, log } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'
import { waitFor } from '../lib/waiting.ts'
import { mayExist } from './key-format.ts'
import { type KeyRecord, selectKey } from './key-record.ts'

/** What the isolate knows of one presented key. Times in Unix milliseconds. */
export interface CachedKey {
  /** `undefined` for a key that does not exist. */
  readonly record: KeyRecord | undefined
  readonly loadedAt: number
  /** When a round trip last found the record's version to be the newest; counts as fresh from then. */
  confirmedAt: number
  /** Since the row is being loaded again: when the database is asked once more, should it not have answered. */
  retryAt?: number
  /** Until a verification has been decided from it. */
  isUnused?: boolean
}

/**
 * A row older than this is loaded again whatever happens. With the 5 s that loading may take, it is the bound of 30 s on
 * a revocation while Redis fails.
 */
const HARD_AGE_MS = 25_000
/** How long an unknown key stays unknown: guessing the same key costs one query in this time. */
const UNKNOWN_AGE_MS = 5_000

/** How often a database that does not answer is asked again for one key. */
const RETRY_MS = 5_000

const MAX_HASHES = 1_000
/** Somewhat longer than a query may take. */
const LOAD_MS = 6_000

const keys = createLru<CachedKey>(10_000)
/**
 * Hashes of the keys that were presented in this second, by the keys themselves: a busy key and the service that asks for
 * it need not be hashed for each request. No longer than that: keys are worth more than what else is in memory.
 */
const hashes = new Map<string, string>()
let hashesOf = 0
const loading = new Map<string, Promise<CachedKey>>()

/**
 * The record of a presented key, from this isolate's memory or with one query. Requests that miss the same key at the
 * same time share the query. A key of the wrong form or with a wrong checksum is unknown without asking anyone.
 *
 * @throws Problem `unavailable` when the record is not in memory, or too old, and the database does not answer
 */
export function findKey(deps: Deps, key: string): CachedKey | Promise<CachedKey> {
  const now = deps.now()
  const hash = hashKey(key, now, deps.config.IMPORTED_KEYS)
  if (hash === undefined) return { record: undefined, loadedAt: 0, confirmedAt: now }
  const known = keys.get(hash)
  if (known && now - known.loadedAt < (known.record ? HARD_AGE_MS : UNKNOWN_AGE_MS)) return known
  const isConfirmed = known?.record !== undefined && now - known.confirmedAt < HARD_AGE_MS
  return isConfirmed ? keepAndReload(deps, hash, known) : loadKey(deps, hash)
}

/**
 * Keeps using a row whose version Redis confirmed within 25 s, and reloads it in the background, so no request waits. If
 * Postgres is down nothing can change in it, so the row stays in use for as long as Redis confirms its version.
 */
function keepAndReload(deps: Deps, hash: string, known: CachedKey): CachedKey {
  const keep = (error: unknown): CachedKey => {
    log('warn', 'key_not_reloaded', { key_id: known.record?.keyId, ...errorFields(error) })
    return known
  }
  const now = deps.now()
  if (known.retryAt === undefined || now >= known.retryAt) {
    known.retryAt = now + RETRY_MS
    deps.defer(loadKey(deps, hash).catch(keep))
  }
  return known
}

/** @returns the SHA-256 of a key that may exist, in hex */
function hashKey(key: string, now: number, takesForeign: boolean): string | undefined {
  const second = Math.floor(now / 1000)
  if (second !== hashesOf || hashes.size >= MAX_HASHES) hashes.clear()
  hashesOf = second
  const known = hashes.get(key)
  if (known !== undefined) return known
  if (!mayExist(key, takesForeign)) return undefined
  const hash = sha256Hex(key)
  hashes.set(key, hash)
  return hash
}

/** Loads a record again, past the cache: its version has been overtaken, or a counter needs its true value. */
export function reloadKey(deps: Deps, key: string): Promise<CachedKey> {
  return loadKey(deps, sha256Hex(key))
}

async function loadKey(deps: Deps, hash: string): Promise<CachedKey> {
  const underway = loading.get(hash)
  const loaded = underway && (await waitFor(underway, LOAD_MS))
  if (loaded) return loaded
  const load = selectAndRemember(deps, hash).finally(() => {
    if (loading.get(hash) === load) loading.delete(hash) // else another request took over from this one
  })
  loading.set(hash, load)
  deps.defer(load.catch(() => undefined)) // others wait for it too: it must outlive a caller that hangs up
  return load
}

async function selectAndRemember(deps: Deps, hash: string): Promise<CachedKey> {
  const now = deps.now() // before the query: the row is as old as this at most
  const record = await selectKey(deps, hash, now)
  const cached = { record, loadedAt: now, confirmedAt: now, isUnused: true }
  keys.set(hash, cached)
  return cached
}
