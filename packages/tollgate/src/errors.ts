import type { Reservation } from './binding-types.ts'
import type { Problem } from './types.ts'

/** Why a call failed: a problem code of the server, or what happened on the way. */
export type TollgateErrorCode =
  | Problem['code']
  | 'network_error'
  | 'timeout'
  | 'aborted'
  | 'unreadable_answer'
  | 'not_over_binding'

/** One field of the request that the server refused. */
export interface FieldError {
  /** Such as `body.events.0.id`. */
  readonly path: string
  readonly message: string
}

export interface ErrorDetails {
  readonly code: TollgateErrorCode
  /** 0 if there was no answer. */
  readonly status: number
  readonly requestId?: string | undefined
  /** Seconds until a retry makes sense. */
  readonly retryAfter?: number | undefined
  readonly errors?: readonly FieldError[] | undefined
  readonly cause?: unknown
}

/** A call that failed. Every call of this package throws this class or one below it, and nothing else. */
export class TollgateError extends Error {
  override readonly name: string = 'TollgateError'
  readonly code: TollgateErrorCode
  readonly status: number
  readonly requestId: string | undefined
  readonly retryAfter: number | undefined
  readonly errors: readonly FieldError[]

  constructor(message: string, { code, status, requestId, retryAfter, errors = [], cause }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.requestId = requestId
    this.retryAfter = retryAfter
    this.errors = errors
  }
}

/** 400, 413, 415 or 422: the request is wrong; `errors` names the fields. 0: JSON cannot hold it, so it was not sent. */
export class InvalidRequestError extends TollgateError {
  override readonly name = 'InvalidRequestError'
}

/** 401: the service key is missing, wrong or revoked. `unreadable_answer`: something before Tollgate refused the call. */
export class UnauthenticatedError extends TollgateError {
  override readonly name = 'UnauthenticatedError'
}

/** 403: the service key lacks a scope. `unreadable_answer`: something before Tollgate refused the call. */
export class ForbiddenError extends TollgateError {
  override readonly name = 'ForbiddenError'
}

export class NotFoundError extends TollgateError {
  override readonly name = 'NotFoundError'
}

/** 409: another request, or the operator, has to change something first. */
export class ConflictError extends TollgateError {
  override readonly name = 'ConflictError'
}

/** 429: Tollgate limits the calls of the service key itself. */
export class RateLimitedError extends TollgateError {
  override readonly name = 'RateLimitedError'
}

/** 408, 5xx, no answer, no answer in time, or one below 400 that cannot be read. */
export class UnavailableError extends TollgateError {
  override readonly name = 'UnavailableError'
}

type Refused = Extract<Reservation, { granted: false }>

/** What a caller gets for each refusal of a reservation, as Tollgate's gateway answers it. */
const REFUSALS: Readonly<Record<Refused['code'], readonly [status: number, code: TollgateErrorCode, title: string]>> = {
  QUOTA_EXCEEDED: [429, 'quota_exceeded', 'The quota of this period is used up.'],
  RATE_LIMITED: [429, 'rate_limited', 'Too many requests.'],
  CONCURRENCY_EXCEEDED: [429, 'concurrency_exceeded', 'The maximum number of concurrent requests is reached.'],
  CREDITS_EXHAUSTED: [402, 'credits_exhausted', 'The prepaid credits are used up.'],
}

/**
 * A call was refused what it needs: by the quota, the credits, a limit of the key, or the number of calls at once, as `code`
 * says. `status`, `headers` and `body` are an answer in the form of RFC 9457: `new Response(error.body, error)`.
 */
export class QuotaExceededError extends TollgateError {
  override readonly name = 'QuotaExceededError'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** What refused, which meter was exceeded, and what is left. */
  readonly reservation: Refused

  constructor(reservation: Refused) {
    const { exceeded, refused_by } = reservation
    // a newer server may refuse by what this version does not know
    const [status, code, title] = REFUSALS[reservation.code] ?? REFUSALS.RATE_LIMITED
    const retryAfter = reservation.retry_after ?? undefined
    super(title, { code, status, retryAfter })
    this.reservation = reservation
    this.headers = {
      'Content-Type': 'application/problem+json',
      ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
    }
    const detail = describeExceeded(exceeded)
    const problem = { type: 'about:blank', title, status, detail, code, meter: exceeded.meter, refused_by }
    this.body = JSON.stringify(problem)
  }
}

const describeExceeded = ({ meter, requested, limit, used, held }: Refused['exceeded']) =>
  `The request may need ${requested} of ${meter}; the limit is ${limit}, ${used} are used and ${held} held.`

const BY_STATUS: Readonly<Record<number, typeof TollgateError>> = {
  400: InvalidRequestError,
  401: UnauthenticatedError,
  403: ForbiddenError,
  404: NotFoundError,
  409: ConflictError,
  413: InvalidRequestError,
  415: InvalidRequestError,
  422: InvalidRequestError,
  429: RateLimitedError,
}

/** @returns an error of the class that stands for its status */
export function errorFor(message: string, details: ErrorDetails): TollgateError {
  const Class = isUnanswered(details) ? UnavailableError : (BY_STATUS[details.status] ?? TollgateError)
  return new Class(message, details)
}

const isUnanswered = ({ code, status }: ErrorDetails) =>
  code === 'network_error' ||
  code === 'timeout' ||
  status === 408 ||
  status >= 500 ||
  (code === 'unreadable_answer' && status < 400)

/** Whether Tollgate could not do its work. */
export const isUnavailable = (error: TollgateError): boolean =>
  error instanceof UnavailableError || error instanceof RateLimitedError

/** Whether `onUnavailable` decides. A caller can provoke the page of a firewall, so what cannot be read lets nobody pass. */
export const mayAllow = (error: TollgateError): boolean => isUnavailable(error) && error.code !== 'unreadable_answer'

/** Whether no repeat can save a call: Tollgate itself has refused it. */
export const isRefused = (error: TollgateError): boolean => !isUnavailable(error) && error.code !== 'unreadable_answer'
