import type { Deps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { errorFields, log } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'
import { waitFor } from '../lib/waiting.ts'
import { mayExist } from './key-format.ts'
import { type KeyRecord, selectKey } from './key-record.ts'

/** The isolate's cached state of one presented key. Times in Unix milliseconds. */
export interface CachedKey {
  /** `undefined` for a key that does not exist. */
  readonly record: KeyRecord | undefined
  readonly loadedAt: number
  /** When a round trip last confirmed that the record's version is the newest. The row counts as fresh from then on. */
  confirmedAt: number
  /** Set while the row is being reloaded: when to query the database again if it has not responded. */
  retryAt?: number
  /** True until a verification has been decided from the row. */
  isUnused?: boolean
}

/**
 * A row older than this is reloaded in any case. Together with the 5 s that loading may take, it bounds a revocation to
 * 30 s while Redis fails.
 */
const HARD_AGE_MS = 25_000
/** How long an unknown key stays unknown: repeated guesses of the same key cost one query in this time. */
const UNKNOWN_AGE_MS = 5_000

/** How often a database that does not respond is queried again for one key. */
const RETRY_MS = 5_000

const MAX_HASHES = 1_000
/** Somewhat longer than a query may take. */
const LOAD_MS = 6_000

const keys = createLru<CachedKey>(10_000)
/**
 * Hashes of the keys presented in the current second, by key. A busy key and the service key that verifies it are not
 * hashed again for each request. Plain keys are more sensitive than anything else in memory, so they stay no longer
 * than a second.
 */
const hashes = new Map<string, string>()
let hashesSecond = 0
const loading = new Map<string, Promise<CachedKey>>()

/**
 * Finds the record of a presented key, in this isolate's memory or with one query. Requests that miss the same key at
 * the same time share the query. A key of the wrong form or with a wrong checksum is unknown without any query.
 *
 * @throws Problem `unavailable` when the record is not in memory, or too old, and the database does not respond
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
 * Keeps using a row whose version Redis confirmed within 25 s, and reloads it in the background, so no request waits.
 * If Postgres is down, the row cannot change, so it stays in use for as long as Redis confirms its version.
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

/** @returns the SHA-256, in hex, of a key that may exist */
function hashKey(key: string, now: number, takesForeign: boolean): string | undefined {
  const second = Math.floor(now / 1000)
  if (second !== hashesSecond || hashes.size >= MAX_HASHES) hashes.clear()
  hashesSecond = second
  const known = hashes.get(key)
  if (known !== undefined) return known
  if (!mayExist(key, takesForeign)) return undefined
  const hash = sha256Hex(key)
  hashes.set(key, hash)
  return hash
}

/** Reloads a record, bypassing the cache: its version is outdated, or a counter needs the figures of Postgres. */
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
  deps.defer(load.catch(() => undefined)) // other requests wait for it, so it must outlive a caller that disconnects
  return load
}

async function selectAndRemember(deps: Deps, hash: string): Promise<CachedKey> {
  const now = deps.now() // before the query, so the row is at most this old
  const record = await selectKey(deps, hash, now)
  const cached = { record, loadedAt: now, confirmedAt: now, isUnused: true }
  keys.set(hash, cached)
  return cached
}
