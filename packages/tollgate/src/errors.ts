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

/** 400, 413, 415 or 422: the request is wrong; `errors` names the fields. */
export class InvalidRequestError extends TollgateError {
  override readonly name = 'InvalidRequestError'
}

/** 401: the service key is missing, wrong or revoked. */
export class UnauthenticatedError extends TollgateError {
  override readonly name = 'UnauthenticatedError'
}

/** 403: the service key lacks a scope. */
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

/** 5xx, no answer, no answer in time, or one that cannot be read. */
export class UnavailableError extends TollgateError {
  override readonly name = 'UnavailableError'
}

/**
 * Units that a call needs are not left. `status`, `headers` and `body` are an answer in the form of RFC 9457:
 * `new Response(error.body, error)`.
 */
export class QuotaExceededError extends TollgateError {
  override readonly name = 'QuotaExceededError'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Which meter was exceeded, and what is left. */
  readonly reservation: Extract<Reservation, { granted: false }>

  constructor(reservation: Extract<Reservation, { granted: false }>) {
    const { meter, resets_at } = reservation.exceeded
    const title = 'The quota of this period is used up.'
    const retryAfter = resets_at ? Math.max(1, Math.ceil((Date.parse(resets_at) - Date.now()) / 1000)) : undefined
    super(title, { code: 'quota_exceeded', status: 429, retryAfter })
    this.reservation = reservation
    this.headers = {
      'Content-Type': 'application/problem+json',
      ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
    }
    this.body = JSON.stringify({
      type: 'about:blank',
      title,
      status: 429,
      detail: title,
      code: 'quota_exceeded',
      meter,
    })
  }
}

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

const UNANSWERED = new Set<TollgateErrorCode>(['network_error', 'timeout', 'unreadable_answer'])
const isUnanswered = ({ code, status }: ErrorDetails) => UNANSWERED.has(code) || status >= 500

/** Whether Tollgate could not do its work, so that `onUnavailable` decides about a verification. */
export const isUnavailable = (error: TollgateError): boolean =>
  error instanceof UnavailableError || error instanceof RateLimitedError
