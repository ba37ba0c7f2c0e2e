import { type NeonQueryFunction, neon, neonConfig } from '@neondatabase/serverless'
import { Redis } from '@upstash/redis/cloudflare'
import type { Config } from '../config.ts'
import { logRepeated } from '../lib/log.ts'
import { count, observe } from '../metrics/count.ts'
import { Problem } from '../problems.ts'
import type { TimeBudget } from './time-budget.ts'

/** One statement, or one batch in a transaction, per HTTP request. There are no interactive transactions. */
export type Sql = NeonQueryFunction<false, false>

/** Deadlock and serialization failure: the whole statement or batch was rolled back, so it can be sent again. */
const UNDONE = new Set(['40P01', '40001'])
const MAX_ATTEMPTS = 3

/**
 * Temporary errors: the same request may succeed later, so the caller gets a 503 and usage is spooled. Every other
 * SQLSTATE is an error of the statement: a bug, or data that Postgres never accepts.
 */
const TEMPORARY: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^$/, 'the Neon proxy failed, not Postgres: it lost or cannot reach the compute'],
  [/^08/, 'the connection failed'],
  [/^25006$/, 'the server is read-only: a replica, or a primary that is failing over'],
  [/^28/, 'Postgres refuses the password or role: it is being rotated, or the deployment is misconfigured'],
  [/^3D000$/, 'the database does not exist right now: a branch is being restored'],
  [/^40/, 'the transaction was rolled back in favor of another one, even after the retries'],
  [/^53/, 'connections, memory or disk are exhausted'],
  [/^55(P03|006)$/, 'a lock is held, or an object is in use'],
  [/^57/, 'the operator or a timeout canceled it, or the server is starting or stopping'],
  [/^58/, 'the system below Postgres failed'],
  [/^(?!.{5}$)/, 'no SQLSTATE at all: the outcome of the statement is unknown'],
  [/^XX/, "an internal error of the server, or of Neon's storage"],
]

const isTemporary = (state: string) => TEMPORARY.some(([pattern]) => pattern.test(state))

/**
 * Opens the database over Neon's HTTP protocol. Opening is free: nothing is sent before the first query.
 *
 * @param budget the time that all queries of a request share
 */
export function openDatabase(config: Config, budget?: TimeBudget): Sql {
  if (config.NEON_FETCH_ENDPOINT) neonConfig.fetchEndpoint = config.NEON_FETCH_ENDPOINT
  neonConfig.fetchFunction = (url: string, init: QueryInit) => fetchWithRetry(url, init, config.DATABASE_TIMEOUT_MS)
  // the driver passes the budget to the fetch function with each query
  return neon(config.DATABASE_URL, { fetchOptions: { budget } })
}

/** The address of a Redis database and its access token. */
export interface RedisPlace {
  readonly url: string
  readonly token: string
}

/**
 * Opens one Redis database over Upstash's REST protocol. Commands issued in one tick share one round trip, so requests must not
 * share a client: a Worker may not wait for another request's I/O.
 */
export function openRedis(place: RedisPlace, timeoutMs: number, budget?: TimeBudget): Redis {
  const redis = new Redis({
    url: place.url,
    token: place.token,
    enableTelemetry: false,
    enableAutoPipelining: true,
    retry: { retries: 0 }, // the client would repeat INCR and EVAL after a lost answer, and count twice
    // the function form: with a fixed signal the client answers null
    signal: () => AbortSignal.timeout(limitTo(budget, timeoutMs)),
  })
  redis.use(measureRedis(timeoutMs))
  return redis
}

/**
 * Measures each round trip. Commands travel in pipelines, whose response is a 200 even if a command failed, so anything that
 * is thrown here is a failure of the store.
 */
const measureRedis = (timeoutMs: number): Parameters<Redis['use']>[0] =>
  async function measured(request, next) {
    const startedAt = Date.now()
    try {
      return await next(request)
    } catch (error) {
      count('storeFailures', 'redis')
      throw error
    } finally {
      const ms = Date.now() - startedAt
      observe('storeSeconds', 'redis', ms / 1_000)
      if (ms > timeoutMs / 2) logRepeated('warn', 'redis_slow', { ms, timeout_ms: timeoutMs })
    }
  }

/** The arguments that the driver passes to its fetch function: its own, and the client's `fetchOptions`. */
interface QueryInit extends RequestInit {
  readonly budget: TimeBudget | undefined
}

const limitTo = (budget: TimeBudget | undefined, ownMs: number) => budget?.limit(ownMs) ?? ownMs

/** Replaces `fetch` in the driver. A deadlock between two requests is not a failure of either, so it is retried. */
async function fetchWithRetry(url: string, { budget, ...init }: QueryInit, timeoutMs: number) {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetchWhole(url, init, limitTo(budget, timeoutMs))
    if (answer.status === 200) return answer
    if (attempt < MAX_ATTEMPTS && UNDONE.has(answer.sqlState)) continue
    if (!isTemporary(answer.sqlState)) return answer
    count('storeFailures', 'postgres')
    logRepeated('warn', 'database_refuses_for_now', { sql_state: answer.sqlState })
    throw notAnswering()
  }
}

/**
 * One attempt, with a timeout. Everything that is not an answer of the database becomes one failure: the driver would
 * quote upstream pages, and read half an answer as a result.
 */
async function fetchWhole(url: string, init: RequestInit, timeoutMs: number) {
  const startedAt = Date.now()
  let response: Response
  let body: unknown
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) })
    body = await response.json()
  } catch {
    throw lost()
  } finally {
    observe('storeSeconds', 'postgres', (Date.now() - startedAt) / 1_000)
  }
  if (!isAnswer(response.status, body)) throw lost()
  return { ok: response.status === 200, status: response.status, json: async () => body, sqlState: codeIn(body) }
}

function lost(): Problem {
  count('storeFailures', 'postgres')
  return notAnswering()
}

const notAnswering = () => new Problem('unavailable', { detail: 'The database does not answer.' })

function isAnswer(status: number, body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  if (status === 200) return ('rows' in body && 'fields' in body) || 'results' in body
  return status === 400 && 'message' in body
}

const codeIn = (body: unknown) => (typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : '')

/**
 * Whether an error means that a concurrent request came first: it took the same rows, or deleted a row that the
 * statement refers to. Nothing was written; a retry sees the new state.
 */
export function isOvertaken(error: unknown): boolean {
  const state = sqlState(error)
  return state !== undefined && (UNDONE.has(state) || state === '23503')
}

/**
 * Recognizes text that Postgres cannot store, NUL or a lone surrogate, in `text` or in JSON. Schemas refuse it; this is for text that none has
 * refused.
 */
export function findUnstorable(error: unknown): Problem | undefined {
  const state = sqlState(error)
  const isJson = state === '22P02' && /\bjson\b/.test(errorWithState(error, state)?.message ?? '')
  if (state !== '22021' && state !== '22P05' && !isJson) return undefined
  logRepeated('warn', 'text_not_storable', { sql_state: state })
  return new Problem('invalid_request', { detail: 'Text must be well-formed Unicode without NUL.' })
}

/**
 * @returns the SQLSTATE inside an error of the driver or of drizzle, such as `23505` for a violated unique constraint
 */
export function sqlState(error: unknown): string | undefined {
  const found = inCauses(
    error,
    (cause) => 'code' in cause && typeof cause.code === 'string' && /^[0-9A-Z]{5}$/.test(cause.code),
  )
  return found && 'code' in found ? String(found.code) : undefined
}

/** @returns the constraint that a statement violated */
export function brokenConstraint(error: unknown): string | undefined {
  const found = inCauses(error, (cause) => 'constraint' in cause && typeof cause.constraint === 'string')
  return found && 'constraint' in found ? String(found.constraint) : undefined
}

/** @returns the database error with this SQLSTATE, inside an error of the driver or of drizzle */
export function errorWithState(error: unknown, state: string): { readonly message: string } | undefined {
  const found = inCauses(error, (cause) => 'code' in cause && cause.code === state && 'message' in cause)
  return found && 'message' in found ? { message: String(found.message) } : undefined
}

/** @returns the Problem that an error is, or was caused by: drivers wrap errors of their fetch function */
export function problemIn(error: unknown): Problem | undefined {
  const found = inCauses(error, (cause) => cause instanceof Problem)
  return found instanceof Problem ? found : undefined
}

function inCauses(error: unknown, matches: (cause: object) => boolean): object | undefined {
  let cause = error
  for (let depth = 0; depth < 5 && typeof cause === 'object' && cause !== null; depth++) {
    if (matches(cause)) return cause
    cause = 'sourceError' in cause && cause.sourceError ? cause.sourceError : 'cause' in cause ? cause.cause : undefined
  }
  return undefined
}
