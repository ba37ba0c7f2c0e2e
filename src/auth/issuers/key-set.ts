import { importJWK, type JWK } from 'jose'
import type { TrustedIssuer } from '../../config-issuers.ts'
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { waitFor } from '../../lib/waiting.ts'
import { Problem } from '../../problems.ts'
import { type FetchedKeys, fetchKeySet } from './fetch-key-set.ts'

/** The minimum time between two fetches of one issuer's keys, whatever tokens arrive. */
const RETRY_MS = 30_000
/** The same while there are no cached keys: every token of the issuer waits for them. */
const RETRY_WITHOUT_KEYS_MS = 5_000
/** How much longer than its own timeout a fetch may take. */
const GRACE_MS = 1_000
/** How long keys stay in use while their issuer does not respond. A key withdrawn in that time stays valid for it. */
const MAX_STALE_MS = 24 * 3_600_000

/** This isolate's state for one issuer. Times in Unix milliseconds. */
interface IssuerState {
  keys?: FetchedKeys
  /** When the keys were last requested, with or without a response. */
  askedAt: number
  hasFailed: boolean
  underway?: Promise<true> | undefined
}

/** Keyed by the settings object, which is parsed once per isolate. */
const states = new WeakMap<TrustedIssuer, IssuerState>()

function getIssuerState(issuer: TrustedIssuer): IssuerState {
  const known = states.get(issuer)
  if (known) return known
  const made: IssuerState = { askedAt: Number.NEGATIVE_INFINITY, hasFailed: false }
  states.set(issuer, made)
  return made
}

/** The key that a token claims to be signed with. */
interface KeyName {
  readonly kid: string
  readonly alg: string
}

/**
 * The issuer's public key by its `kid`, from this isolate's memory as long as the issuer's `Cache-Control` allows. An
 * unknown `kid` triggers a new fetch, at most every 30 s; concurrent requests share one fetch. While the issuer does not
 * respond, keys stay in use for a day after they were fetched.
 *
 * @returns `undefined` when the issuer has no such key
 * @throws Problem `issuer_unavailable` when that is currently unknown
 */
export async function findIssuerKey(deps: Deps, issuer: TrustedIssuer, name: KeyName): Promise<CryptoKey | undefined> {
  const state = getIssuerState(issuer)
  if (!isFresh(state, deps.now())) await refresh(deps, issuer, state)
  const known = await selectKey(deps, state, name)
  if (known) return known
  await refresh(deps, issuer, state)
  const found = await selectKey(deps, state, name)
  if (found || !(state.hasFailed || !hasUsableKeys(state, deps.now()))) return found
  throw unavailable(state, deps.now())
}

const isFresh = ({ keys }: IssuerState, now: number) => keys !== undefined && now < keys.freshUntil

const hasUsableKeys = ({ keys }: IssuerState, now: number) =>
  keys !== undefined && now < Math.max(keys.freshUntil, keys.fetchedAt + MAX_STALE_MS)

const nextFetchAt = (state: IssuerState, now: number) =>
  state.askedAt + (state.hasFailed && !hasUsableKeys(state, now) ? RETRY_WITHOUT_KEYS_MS : RETRY_MS)

function unavailable(state: IssuerState, now: number): Problem {
  const seconds = Math.max(1, Math.ceil((nextFetchAt(state, now) - now) / 1000))
  return new Problem('issuer_unavailable', { headers: { 'Retry-After': String(seconds) } })
}

/** Fetches the keys again, unless that was tried a moment ago. A failure is stored in the state, not thrown. */
async function refresh(deps: Deps, issuer: TrustedIssuer, state: IssuerState): Promise<void> {
  if (!state.underway && deps.now() < nextFetchAt(state, deps.now())) return
  const work = (state.underway ??= startFetch(deps, issuer, state))
  const hasEnded = await waitFor(work, deps.config.TRUSTED_ISSUERS_TIMEOUT_MS + GRACE_MS)
  if (hasEnded || state.underway !== work) return
  state.underway = undefined // its request was canceled, and the fetch with it: the next request starts another
  state.hasFailed = true
}

function startFetch(deps: Deps, issuer: TrustedIssuer, state: IssuerState): Promise<true> {
  state.askedAt = deps.now()
  const work = load(deps, issuer, state).finally(() => {
    if (state.underway === work) state.underway = undefined
  })
  deps.defer(work) // other requests wait for it, so it must outlive a caller that disconnects
  return work
}

async function load(deps: Deps, issuer: TrustedIssuer, state: IssuerState): Promise<true> {
  try {
    state.keys = await fetchKeySet(issuer.jwks_url, deps.config.TRUSTED_ISSUERS_TIMEOUT_MS, deps.now())
    state.hasFailed = false
  } catch (error) {
    state.hasFailed = true
    log('error', 'issuer_unavailable', { issuer: issuer.issuer, ...errorFields(error) })
  }
  return true
}

async function selectKey(deps: Deps, state: IssuerState, { kid, alg }: KeyName): Promise<CryptoKey | undefined> {
  if (!state.keys || !hasUsableKeys(state, deps.now())) return undefined
  const { jwks, imported } = state.keys
  const name = `${alg} ${kid}`
  const known = imported.get(name)
  if (known) return known
  for (const jwk of jwks.filter((one) => one.kid === kid && isFor(one, alg))) {
    const key = await importPublic(jwk, alg)
    if (key) imported.set(name, key)
    if (key) return key
  }
  return undefined
}

/** Key types by the prefix of their algorithms. `oct`, a shared secret, is not allowed. */
const TYPES: readonly (readonly [prefix: string, kty: string])[] = [
  ['RS', 'RSA'],
  ['PS', 'RSA'],
  ['ES', 'EC'],
  ['Ed', 'OKP'],
]
/** RFC 7518 §3.4, RFC 8037 §3.1: the algorithm determines the curve. */
const CURVES: Readonly<Record<string, string>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  EdDSA: 'Ed25519',
  Ed25519: 'Ed25519',
}

/** Whether a key may verify with an algorithm (RFC 7517 §4): by its type, and by its declared use. */
function isFor({ kty, crv, use = 'sig', key_ops = ['verify'], alg: own }: JWK, alg: string): boolean {
  const isOfType = TYPES.some(([prefix, type]) => alg.startsWith(prefix) && kty === type) && crv === CURVES[alg]
  return isOfType && use === 'sig' && Array.isArray(key_ops) && key_ops.includes('verify') && (own ?? alg) === alg
}

/** @returns `undefined` for an unusable key: another one in the set may be usable */
async function importPublic({ kty, crv, x, y, n, e }: JWK, alg: string): Promise<CryptoKey | undefined> {
  const parts = { kty, crv, x, y, n, e }
  const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))
  try {
    const key = await importJWK(given as JWK, alg)
    return key instanceof Uint8Array ? undefined : key
  } catch {
    return undefined
  }
}
