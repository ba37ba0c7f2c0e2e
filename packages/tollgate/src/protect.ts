/** What all middlewares share: which key a request has, whether it may pass, and what is reported of it afterwards. */
import type { UsageEvent, VerifyKeyInput } from './binding-types.ts'
import type { Tollgate } from './client.ts'
import type { Verdict } from './verify.ts'

/** A client, over HTTP or a binding. */
export type Client = Pick<Tollgate, 'keys' | 'usage'>

/** What a request needs, and how it is told of. */
export interface Need extends Pick<VerifyKeyInput, 'scopes' | 'cost' | 'limits'> {
  /** The name under which it is counted: a pattern such as `/v1/orders/:id`, and not the path. */
  readonly endpoint?: string | undefined
  /** Keeps the report alive after the answer, where the platform ends with it and gives no such function by itself. */
  readonly waitUntil?: WaitUntil | undefined
}

/** Keeps a promise alive after the answer, as Workers need it. */
export type WaitUntil = (work: Promise<unknown>) => void

/** Used units and more, for the report of the request. */
export type Used = Omit<UsageEvent, 'id' | 'key_id' | 'organization_id' | 'external_id' | 'request_id' | 'timestamp'>

/** What a handler gets. */
export interface KeyContext {
  readonly verdict: Extract<Verdict, { valid: true }>
  /**
   * Says what the request used. Amounts of a later call replace those of an earlier one. A stream gives a promise, which
   * the report waits for. After the report, amounts count in addition.
   */
  readonly use: (used: Used | Promise<Used>) => void
}

/** How a middleware reads a request. */
export interface RequestFacts {
  readonly authorization: string | undefined
  readonly apiKey: string | undefined
  readonly userAgent: string | undefined
  readonly method: string
  readonly endpoint: string
  readonly ip: string | undefined
  /** The caller's trace, which the verification and the report belong to. */
  readonly traceparent: string | undefined
}

/** An answer in the form of RFC 9457. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Decision = { readonly refusal: Refusal } | { readonly refusal?: undefined; readonly passage: Passage }

const MAX_KEY_LENGTH = 256
const MAX_IP_LENGTH = 45

const TITLES: Readonly<Record<Verdict['code'] | 'UNAUTHENTICATED' | 'AMBIGUOUS_CREDENTIALS', string>> = {
  VALID: '',
  UNAUTHENTICATED: 'Present an API key, as a bearer token or in X-API-Key.',
  AMBIGUOUS_CREDENTIALS: 'Present one API key: Authorization and X-API-Key hold different ones.',
  NOT_FOUND: 'The API key is not valid.',
  REVOKED: 'The API key was revoked.',
  DISABLED: 'The API key is disabled.',
  EXPIRED: 'The API key has expired.',
  ORGANIZATION_SUSPENDED: 'The organization is suspended.',
  FORBIDDEN_IP: 'The API key may not be used from this address.',
  INSUFFICIENT_SCOPE: 'The API key lacks a scope that this needs.',
  RATE_LIMITED: 'Too many requests.',
  QUOTA_EXCEEDED: 'The quota of this period is used up.',
  CREDITS_EXHAUSTED: 'The prepaid credits are used up.',
  UNAVAILABLE: 'API keys cannot be verified at the moment; retry shortly.',
}

/**
 * Verifies the key of a request.
 *
 * @throws TollgateError when the service key or the need is wrong: a mistake of the operator, and no refusal
 */
export async function checkRequest(client: Client, need: Need, facts: RequestFacts): Promise<Decision> {
  const key = readKey(facts)
  if (typeof key !== 'string') return { refusal: key }
  const { endpoint = facts.endpoint } = need
  const { method, traceparent } = facts
  const verdict = await client.keys.verify({ ...buildInput(need, facts), key, endpoint }, { traceparent })
  if (!verdict.valid) return { refusal: refuse(verdict.status, verdict.code, verdict.headers, verdict.request_id) }
  return { passage: new Passage(client, verdict, { endpoint, method }, traceparent) }
}

const CHALLENGE = { 'WWW-Authenticate': 'Bearer' }

/** What Tollgate would call an invalid request is the caller's mistake here, so it is refused without asking. */
function readKey({ authorization = '', apiKey }: RequestFacts): string | Refusal {
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
  const key = apiKey || bearer
  if (!key) return refuse(401, 'UNAUTHENTICATED', CHALLENGE)
  if (bearer && bearer !== key) return refuse(400, 'AMBIGUOUS_CREDENTIALS', {})
  return key.length > MAX_KEY_LENGTH ? refuse(401, 'NOT_FOUND', CHALLENGE) : key
}

function buildInput({ scopes, cost, limits }: Need, { method, ip = '', userAgent }: RequestFacts) {
  return {
    method,
    ...(scopes && { scopes }),
    ...(cost !== undefined && { cost }),
    ...(limits && { limits }),
    ...(ip !== '' && ip.length <= MAX_IP_LENGTH && { ip }),
    ...(userAgent && { user_agent: userAgent }),
  }
}

function refuse(status: number, code: keyof typeof TITLES, headers: Refusal['headers'], request_id?: string): Refusal {
  const title = TITLES[code] ?? 'The API key was refused.'
  const body = { type: 'about:blank', title, status, detail: title, code: code.toLowerCase(), request_id }
  return { status, headers: { ...headers, 'Content-Type': 'application/problem+json' }, body: JSON.stringify(body) }
}

interface Place {
  readonly endpoint: string
  readonly method: string
}

/** A request that was let through. */
export class Passage implements KeyContext {
  readonly verdict: KeyContext['verdict']
  readonly #client: Client
  readonly #place: Place
  readonly #traceparent: string | undefined
  readonly #began = performance.now()
  readonly #used: Promise<Used>[] = []
  #useLate: ((used: Promise<Used>) => void) | undefined

  constructor(client: Client, verdict: KeyContext['verdict'], place: Place, traceparent: string | undefined) {
    this.#client = client
    this.verdict = verdict
    this.#place = place
    this.#traceparent = traceparent
  }

  /** Bound, because handlers take it out of its context: `({ use }) => …`. */
  readonly use = (used: Used | Promise<Used>): void => {
    const promised = Promise.resolve(used)
    promised.catch(() => undefined) // its failure is the handler's own; the report goes without it
    if (this.#useLate) this.#useLate(promised)
    else this.#used.push(promised)
  }

  /**
   * Reports the request as a part of the verified one. With `waitUntil` it is sent at once, else with others. What is used
   * later is a further event of the same request.
   */
  report(status: number, waitUntil: WaitUntil | undefined): void {
    const { key_id, request_id } = this.verdict
    if (!key_id || !request_id) return // let through while nobody could tell whose key it is
    const response_time_ms = Math.round(performance.now() - this.#began)
    const known = { ...this.#place, key_id, request_id, status_code: status }
    this.#useLate = (used) => keepAlive(this.#deliver(known, [used], waitUntil !== undefined), waitUntil)
    keepAlive(this.#deliver({ ...known, response_time_ms }, this.#used, waitUntil !== undefined), waitUntil)
  }

  async #deliver(known: UsageEvent, promised: readonly Promise<Used>[], isUrgent: boolean): Promise<void> {
    const results = await Promise.allSettled(promised)
    const used = results.map((result) => (result.status === 'fulfilled' ? result.value : {}))
    const event: UsageEvent = Object.assign({}, known, ...used)
    const { usage } = this.#client
    if (isUrgent) await usage.report(event, { traceparent: this.#traceparent })
    else usage.record(event)
  }
}

export function keepAlive(work: Promise<unknown>, waitUntil: WaitUntil | undefined): void {
  try {
    waitUntil?.(work)
  } catch {
    // a platform may take no more work after the answer; what was begun goes on as long as it lets it
  }
}
