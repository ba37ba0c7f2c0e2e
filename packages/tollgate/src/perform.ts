import { errorFor, TollgateError } from './errors.ts'
import { IDEMPOTENT_OPERATIONS } from './idempotent-operations.ts'
import { observe, type RequestHooks } from './observe.ts'
import type { Call, CallOptions, OperationName, Reply, Transport } from './operations.ts'

export interface PerformOptions extends Pick<CallOptions, 'signal'> {
  readonly timeoutMs: number
  /** How often a call is repeated at most. */
  readonly retries: number
  readonly hooks: RequestHooks
}

const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 2_000

/**
 * Sends a call, and sends it again where that is safe: after a 429 always, else only what counts once however often it
 * arrives. Waits as `Retry-After` says, or with jitter. Ends at `timeoutMs`, whatever the transport does.
 *
 * @throws TollgateError
 */
export function perform(transport: Transport, call: Call, options: PerformOptions): Promise<Reply> {
  const ready = addIdempotencyKey(call)
  const [method = '', path = ''] = call.name.split(' ')
  return withDeadline(options, async function repeat(signal, endsAt) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await observe(options.hooks, { method, path, attempt }, () => sendOnce(transport, ready, signal))
      } catch (error) {
        const failure = toTollgateError(error)
        const waitMs = readWait(failure, attempt - 1)
        const isFinal = attempt > options.retries || signal.aborted || Date.now() + waitMs >= endsAt
        if (isFinal || !mayRepeat(ready, failure)) throw failure
        await wait(waitMs, signal)
        if (signal.aborted) throw failure
      }
    }
  })
}

/** Ends with the signal, whatever the transport does. @throws TollgateError */
async function sendOnce(transport: Transport, call: Call, signal: AbortSignal): Promise<Reply> {
  const ended = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  try {
    return await Promise.race([transport.send(call, signal), ended])
  } catch (error) {
    throw toTollgateError(signal.aborted ? signal.reason : error)
  }
}

function addIdempotencyKey(call: Call): Call {
  if (!IDEMPOTENT_OPERATIONS.has(call.name)) return call
  return { ...call, idempotencyKey: call.idempotencyKey ?? crypto.randomUUID() }
}

export const toTollgateError = (error: unknown): TollgateError =>
  error instanceof TollgateError
    ? error
    : errorFor('Tollgate cannot be reached.', { code: 'network_error', status: 0, cause: error })

/** Operations that count once, by what their bodies say. */
const COUNTS_ONCE: { readonly [Name in OperationName]?: (body: Readonly<Record<string, unknown>>) => boolean } = {
  'POST /keys/verify': ({ idempotency_key }) => idempotency_key !== undefined,
  'POST /tokens/verify': () => true,
  'POST /usage': ({ events }) => Array.isArray(events) && events.every((event: { id?: unknown }) => event.id),
  'POST /usage/reserve': ({ idempotency_key }) => idempotency_key !== undefined,
  'POST /usage/settle': () => true,
  'POST /usage/reservations/{id}/extend': () => true,
  'POST /usage/corrections': () => true,
  'POST /usage/subjects/erase': () => true,
  'POST /billing/preview': () => true,
  'POST /admin/keys/lookup': () => true,
}

function mayRepeat(call: Call, failure: TollgateError): boolean {
  if (failure.status === 429 || isRefusedConnection(failure.cause)) return true
  if (failure.status === 503 && call.name === 'POST /keys/verify') return true // no verdict, so nothing was taken
  return isTransient(failure) && countsOnce(call)
}

const TRANSIENT_CODES = new Set<TollgateError['code']>(['network_error', 'unreadable_answer', 'request_in_progress'])

const isTransient = ({ status, code }: TollgateError) => (status >= 502 && status <= 504) || TRANSIENT_CODES.has(code)

function countsOnce({ name, body }: Call): boolean {
  if (/^(GET|PUT|DELETE) /.test(name) || IDEMPOTENT_OPERATIONS.has(name)) return true
  return COUNTS_ONCE[name]?.((body ?? {}) as Record<string, unknown>) ?? false
}

/** Node says so; elsewhere nobody knows whether the request arrived. */
function isRefusedConnection(cause: unknown): boolean {
  const code = (cause as { cause?: { code?: string } } | undefined)?.cause?.code ?? ''
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/.test(code)
}

function readWait({ retryAfter }: TollgateError, attempts: number): number {
  if (retryAfter !== undefined) return retryAfter * 1000
  return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempts) * (0.5 + Math.random() / 2)
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

type Work = (signal: AbortSignal, endsAt: number) => Promise<Reply>

/** Races the work with its end, because not everything that it waits for can be aborted. */
function withDeadline({ signal: outer, timeoutMs }: PerformOptions, work: Work): Promise<Reply> {
  const controller = new AbortController()
  return new Promise((resolve, reject) => {
    const end = (error: TollgateError) => {
      reject(error)
      controller.abort(error)
    }
    const onAbort = () => end(errorFor('The call was aborted.', { code: 'aborted', status: 0, cause: outer?.reason }))
    const timer = setTimeout(() => end(timedOut(timeoutMs)), timeoutMs)
    if (outer?.aborted) onAbort()
    outer?.addEventListener('abort', onAbort)
    const run = outer?.aborted ? Promise.reject(outer.reason) : work(controller.signal, Date.now() + timeoutMs)
    run.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      outer?.removeEventListener('abort', onAbort)
    })
  })
}

const timedOut = (timeoutMs: number) =>
  errorFor(`Tollgate did not answer within ${timeoutMs} ms.`, { code: 'timeout', status: 0 })
