import * as z from 'zod'
import { errorFields, log } from '../../lib/log.ts'
import { retryAfterSeconds } from '../../lib/retry-after.ts'
import { Problem, type ProblemCode } from '../../problems.ts'
import type { ProviderName } from './provider.ts'

/** A provider that does not answer within this time has failed. */
export const TIMEOUT_MS = 10_000
/** The longest `Retry-After` that is passed on to the caller. */
const MAX_RETRY_AFTER_SECONDS = 3_600
/** Stripe's rate limit is per second, and is not always reported in `Retry-After`. */
const LIMITED_SECONDS = 1
/** The maximum length of a provider's own words that is repeated. */
const DETAIL_LENGTH = 300

interface Service {
  readonly name: ProviderName
  readonly baseUrl: string
  /** Authorization, version and the media type of bodies. */
  readonly headers: Readonly<Record<string, string>>
  encode(body: object): string
  /** The error in the provider's own words, from the body of a refusal. */
  reason(body: unknown): string | undefined
  /** Whether it refused because the customer that was named does not exist. */
  lacksCustomer(body: unknown): boolean
}

interface Options {
  readonly query?: Readonly<Record<string, string>>
  readonly body?: object
  readonly idempotencyKey?: string
}

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** Seconds during which the provider asks not to be called. */
  readonly retryAfter?: number | undefined
}

export type Caller = ReturnType<typeof openCaller>

/** Calls one provider, without retries, because not every call may be repeated. */
export function openCaller(service: Service) {
  /**
   * @returns an answer below 500 unchanged, including refusals
   * @throws Problem `billing_unavailable` for every other outcome
   */
  async function attempt(method: 'GET' | 'POST' | 'PATCH', path: string, options: Options = {}): Promise<Answer> {
    const answer = await exchange(service, method, path, options)
    if (answer.status < 500 && !TEMPORARY.has(answer.status)) return answer
    log('warn', 'billing_call_failed', {
      provider: service.name,
      method,
      path: nameEndpoint(path),
      status: answer.status,
    })
    const { retryAfter } = answer
    throw new Problem('billing_unavailable', retryAfter ? { headers: { 'Retry-After': String(retryAfter) } } : {})
  }

  /** @throws Problem also for a refusal (see provider.ts) */
  async function ask<Schema extends z.ZodType>(
    [method, path]: readonly ['GET' | 'POST' | 'PATCH', string],
    schema: Schema,
    options?: Options,
  ): Promise<z.output<Schema>> {
    return read(service, schema, await attempt(method, path, options))
  }

  /** @returns undefined if nothing exists at that path */
  async function find<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    options?: Options,
  ): Promise<z.output<Schema> | undefined> {
    const answer = await attempt('GET', path, options)
    return answer.status === 404 ? undefined : read(service, schema, answer)
  }

  return { attempt, ask, find, toProblem: (answer: Answer) => refusal(service, answer) }
}

/** A rejected token, a timeout, too many requests, or a redirect (which is not followed): not caused by the caller. */
const TEMPORARY = new Set([301, 302, 303, 307, 308, 401, 408, 429])

async function exchange(service: Service, method: string, path: string, options: Options): Promise<Answer> {
  const { query, body, idempotencyKey } = options
  const search = query ? `?${new URLSearchParams(query).toString()}` : ''
  try {
    const response = await fetch(`${service.baseUrl}${path}${search}`, {
      method,
      redirect: 'manual',
      headers: { ...service.headers, ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }) },
      ...(body && { body: service.encode(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    const asked = retryAfterSeconds(response, Date.now(), MAX_RETRY_AFTER_SECONDS)
    const retryAfter = asked ?? (response.status === 429 ? LIMITED_SECONDS : undefined)
    return { status: response.status, body: text === '' ? undefined : parseBody(text), retryAfter }
  } catch (error) {
    log('warn', 'billing_call_failed', {
      provider: service.name,
      method,
      path: nameEndpoint(path),
      ...errorFields(error),
    })
    throw new Problem('billing_unavailable')
  }
}

/** A refusal may be a page of an intermediary; it still counts as a refusal. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function read<Schema extends z.ZodType>(service: Service, schema: Schema, answer: Answer): z.output<Schema> {
  if (answer.status >= 400) throw refusal(service, answer)
  const result = schema.safeParse(answer.body)
  if (result.success) return result.data
  const fields = result.error.issues.map(({ path }) => path.join('.')).slice(0, 5)
  log('error', 'billing_answer_unreadable', { provider: service.name, fields })
  throw new Problem('billing_unavailable', {
    detail: 'The payment provider sent an answer that Tollgate does not understand.',
  })
}

const REFUSALS: Readonly<Record<number, ProblemCode>> = { 402: 'payment_failed', 409: 'subscription_locked' }

function refusal(service: Service, { status, body }: Answer): Problem {
  const reason = service.reason(body)?.slice(0, DETAIL_LENGTH)
  log('info', 'billing_call_refused', { provider: service.name, status })
  const detail = reason === undefined ? {} : { detail: reason }
  if (service.lacksCustomer(body)) return new UnknownCustomer('billing_refused', detail)
  return new Problem(REFUSALS[status] ?? 'billing_refused', detail)
}

/** The provider does not know the customer that was named. */
export class UnknownCustomer extends Problem {}

/**
 * Somebody may delete a customer at the provider, who is known here from earlier purchases. Then the provider makes a new one.
 *
 * @param buy without a customer, one is made
 */
export async function withOrWithoutCustomer<T>(
  customerId: string | undefined,
  buy: (customerId: string | undefined) => Promise<T>,
): Promise<T> {
  try {
    return await buy(customerId)
  } catch (error) {
    if (customerId === undefined || !(error instanceof UnknownCustomer)) throw error
    return buy(undefined)
  }
}

const REFUSAL_CODES: ReadonlySet<string> = new Set([...Object.values(REFUSALS), 'billing_refused'])

/** @returns why the provider refused a call; undefined if it did not respond */
export function refusalReason(error: unknown): string | undefined {
  return error instanceof Problem && REFUSAL_CODES.has(error.code) ? error.message : undefined
}

/** The rows of a page that match a schema. The ids of other rows are returned and logged. */
export function readRows<Schema extends z.ZodType>(name: ProviderName, schema: Schema, rows: readonly unknown[]) {
  const read: z.output<Schema>[] = []
  const unreadable: string[] = []
  for (const row of rows) {
    const result = schema.safeParse(row)
    if (result.success) read.push(result.data)
    else unreadable.push(logUnreadable(name, row, result.error))
  }
  return { read, unreadable }
}

/** @returns the row's id */
export function logUnreadable(name: ProviderName, row: unknown, { issues }: z.ZodError): string {
  const id = Identified.safeParse(row).data?.id ?? '?'
  const fields = issues.map(({ path }) => path.join('.')).slice(0, 5)
  log('error', 'billing_row_unreadable', { provider: name, id, fields })
  return id
}

const Identified = z.object({ id: z.string() })

/** A path without ids, for logs. */
const nameEndpoint = (path: string) => path.split('/').slice(0, 2).join('/')

/** An optional time in ISO 8601. */
export const isoTime = z
  .string()
  .pipe(z.coerce.date())
  .nullish()
  .transform((date) => date ?? undefined)

/** The same in Unix seconds. */
export const unixTime = z
  .number()
  .nullish()
  .transform((seconds) => (typeof seconds === 'number' ? new Date(seconds * 1000) : undefined))

/** Adds the provider's placeholder for a checkout's id. Its braces must not be encoded. */
export const withCheckoutId = (url: string, placeholder: string) =>
  `${url}${url.includes('?') ? '&' : '?'}checkout_id=${placeholder}`

/** An organization's id from metadata or an external id, which may contain anything. */
export function organizationIn(...candidates: readonly unknown[]): string | undefined {
  const found = candidates.find((value) => z.uuid().safeParse(value).success)
  return typeof found === 'string' ? found.toLowerCase() : undefined
}

/** Whether a provider did not answer, or answered that it cannot now. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof Problem && error.code === 'billing_unavailable'
