export type { BoundOperation } from './binding.ts'
export type * from './binding-types.ts'
export { type ClientOptions, Tollgate, type TollgateOptions } from './client.ts'
export {
  ConflictError,
  type FieldError,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
  QuotaExceededError,
  RateLimitedError,
  TollgateError,
  type TollgateErrorCode,
  UnauthenticatedError,
  UnavailableError,
} from './errors.ts'
export type { LostEvent } from './lost-events.ts'
export type { RequestHooks, RequestOutcome, SentRequest } from './observe.ts'
export type { Answer, CallOptions, Input, InputArguments, OperationName } from './operations.ts'
export type { RecorderOptions } from './recorder.ts'
export type { HeldWork, RefusedReservation, ReservationOptions, ReservedResult, WorkUse } from './reservation.ts'
export type * as api from './types.ts'
export type { OnUnavailable, UncheckedVerdict, Verdict, VerifyOptions } from './verify.ts'
