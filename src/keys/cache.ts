import type { Deps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { createLru } from '../lib/lru.ts'
import { waitFor } from '../lib/waiting.ts'
import { mayExist } from './format.ts'
import { type KeyRecord, selectKey } from './record.ts'

/** What the isolate knows of one presented key. Times in Unix milliseconds. */
export interface CachedKey {
  /** `undefined` for a key that does not exist. */
  readonly record: KeyRecord | undefined
  readonly loadedAt: number
  /** When a round trip last found the record's version to be the newest; counts as fresh from then. */
  confirmedAt: number
}

/**
 * A row older than this is loaded again whatever happens. With the 5 s that loading may take, it is the bound of 30 s on
 * a revocation while Redis fails.
 */
const HARD_AGE_MS = 25_000
/** How long an unknown key stays unknown: guessing the same key costs one query in this time. */
const UNKNOWN_AGE_MS = 5_000

/** Somewhat longer than a query may take. */
const LOAD_MS = 6_000

const keys = createLru<CachedKey>(10_000)
/**
 * Hashes of service keys by the keys themselves: a back end shows the same one with every request. The isolate's memory
 * holds what is worth more (the database's credentials); a customer's key is in it for its own request only.
 */
const serviceKeyHashes = createLru<string>(8)
const loading = new Map<string, Promise<CachedKey>>()

/**
 * The record of a presented key, from this isolate's memory or with one query. Requests that miss the same key at the
 * same time share the query. A key of the wrong form or with a wrong checksum is unknown without asking anyone.
 *
 * @throws Problem `unavailable` when the record is not in memory and the database does not answer
 */
export async function findKey(deps: Deps, key: string): Promise<CachedKey> {
  const service = serviceKeyHashes.get(key)
  if (!service && !mayExist(key, deps.config.IMPORTED_KEYS))
    return { record: undefined, loadedAt: 0, confirmedAt: deps.now() }
  const hash = service ?? sha256Hex(key)
  const known = keys.get(hash)
  if (known && deps.now() - known.loadedAt < (known.record ? HARD_AGE_MS : UNKNOWN_AGE_MS)) return known
  return loadKey(deps, hash)
}

/** Spares a service key the hashing from now on. */
export function rememberService(key: string): void {
  if (!serviceKeyHashes.get(key)) serviceKeyHashes.set(key, sha256Hex(key))
}

/** Loads a record again, past the cache: its version has been overtaken, or a counter needs its true value. */
export function reloadKey(deps: Deps, key: string): Promise<CachedKey> {
  return loadKey(deps, sha256Hex(key))
}

async function loadKey(deps: Deps, hash: string): Promise<CachedKey> {
  const underway = loading.get(hash)
  const loaded = underway && (await waitFor(underway, LOAD_MS))
  if (loaded) return loaded
  const load = selectAndRemember(deps, hash).finally(() => loading.delete(hash))
  loading.set(hash, load)
  deps.defer(load.catch(() => undefined)) // others wait for it too: it must outlive a caller that hangs up
  return load
}

async function selectAndRemember(deps: Deps, hash: string): Promise<CachedKey> {
  const record = await selectKey(deps, hash, deps.now())
  const cached = { record, loadedAt: deps.now(), confirmedAt: deps.now() }
  keys.set(hash, cached)
  return cached
}
