import { errorFor, type FieldError, InvalidRequestError, type TollgateError, type TollgateErrorCode } from './errors.ts'
import type { Call, Reply, Transport } from './operations.ts'

export interface HttpOptions {
  /** Where Tollgate is, such as `https://tollgate.example.com`. */
  readonly baseUrl: string
  /** Of `POST /admin/service-keys`. */
  readonly serviceKey: string
  /** Instead of the global one: a service binding to Tollgate's default entrypoint, or one with tracing. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined
}

/** Version, trace, parent and flags; a later version may add more (https://www.w3.org/TR/trace-context-1/). */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-[!-~]*)?$/

const PASSED_ON = ['RateLimit-Policy', 'RateLimit', 'Retry-After']

/**
 * Calls over HTTP with a service key. Redirects are never followed: the key goes to one place.
 *
 * @throws TypeError if `baseUrl` is no URL
 */
export function httpTransport(options: HttpOptions): Transport {
  const baseUrl = new URL(options.baseUrl).href.replace(/\/+$/, '') // throws now rather than at each call
  const fetch = options.fetch ?? ((request: Request) => globalThis.fetch(request))
  return {
    async send(call, signal) {
      const request = prepareRequest({ ...options, baseUrl }, call, signal)
      return readReply(...(await exchange(fetch, request)))
    },
  }
}

/** @throws InvalidRequestError for what cannot be sent, such as a BigInt */
function prepareRequest(options: HttpOptions, call: Call, signal: AbortSignal): Request {
  try {
    return buildRequest(options, call, signal)
  } catch (cause) {
    throw new InvalidRequestError('The request cannot be sent.', { code: 'invalid_request', status: 0, cause })
  }
}

function buildRequest({ baseUrl, serviceKey }: HttpOptions, call: Call, signal: AbortSignal): Request {
  const [method = 'GET', path = ''] = call.name.split(' ')
  const headers = new Headers({ Authorization: `Bearer ${serviceKey}` })
  if (call.body !== undefined) headers.set('Content-Type', 'application/json')
  if (call.idempotencyKey !== undefined) headers.set('Idempotency-Key', call.idempotencyKey)
  if (call.traceparent !== undefined && TRACEPARENT.test(call.traceparent)) headers.set('traceparent', call.traceparent)
  return new Request(`${baseUrl}/api/v1${fillPath(path, call.params)}${toQuery(call.query)}`, {
    method,
    headers,
    signal,
    redirect: 'manual',
    ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
  })
}

const fillPath = (path: string, params: Call['params'] = {}) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))

function toQuery(query: Call['query'] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null)
  return pairs.length > 0 ? `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}` : ''
}

/** The body is read here, because an answer that breaks off in its body is no answer. */
async function exchange(
  fetch: (request: Request) => Promise<Response>,
  request: Request,
): Promise<[response: Response, text: string]> {
  const response = await fetch(request)
  return [response, await response.text()]
}

/** Elsewhere an empty answer is not Tollgate's. */
const EMPTY_STATUSES = new Set([202, 204])

function readReply(response: Response, text: string): Reply {
  const isJson = /^application\/([\w.-]+\+)?json\b/.test(response.headers.get('Content-Type') ?? '')
  const json = isJson ? parseObject(text) : undefined
  if (!response.ok) throw readError(response, json ?? {})
  const { status } = response
  if (EMPTY_STATUSES.has(status) && text === '') return { status, body: undefined, headers: {} }
  if (response.headers.get('Content-Type')?.startsWith('text/csv')) return { status, body: text, headers: {} }
  if (!json) throw unreadable(response)
  const headers = PASSED_ON.map((name) => [name, response.headers.get(name)] as const)
  return {
    status,
    body: json,
    headers: Object.fromEntries(headers.filter((pair): pair is [string, string] => pair[1] !== null)),
  }
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

interface ProblemBody {
  readonly code?: TollgateErrorCode
  readonly title?: string
  readonly detail?: string
  readonly request_id?: string
  readonly errors?: readonly FieldError[]
}

function readError(response: Response, problem: ProblemBody): TollgateError {
  const { status, headers } = response
  const code = problem.code ?? guessCode(status)
  if (!code) return unreadable(response)
  return errorFor(problem.detail ?? problem.title ?? `Tollgate answered with status ${status}.`, {
    code,
    status,
    requestId: problem.request_id ?? headers.get('X-Request-Id') ?? undefined,
    retryAfter: parseRetryAfter(headers.get('Retry-After')),
    errors: problem.errors,
  })
}

/** Proxies before Tollgate answer without a problem. */
function guessCode(status: number): TollgateErrorCode | undefined {
  if (status === 408 || status >= 500) return 'unavailable'
  return status === 429 ? 'rate_limited' : undefined
}

const unreadable = ({ status, headers }: Response) =>
  errorFor(`What answered with status ${status} is not Tollgate, or its answer is damaged.`, {
    code: 'unreadable_answer',
    status,
    requestId: headers.get('X-Request-Id') ?? undefined,
  })

/** Seconds or a date (RFC 9110 §10.2.3). */
function parseRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined
}
