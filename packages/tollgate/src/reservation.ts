/** Work whose cost is known only afterwards: units are held before it and settled after it, however it ends. */
import type { Reservation, ReserveInput, SettleInput, UsageEvent } from './binding-types.ts'
import type { Tollgate } from './client.ts'
import { errorFor, InvalidRequestError, mayAllow } from './errors.ts'
import type { CallOptions } from './operations.ts'
import { toTollgateError } from './perform.ts'

type Granted = Extract<Reservation, { granted: true }>
/** The verdict that the units are not there. */
export type RefusedReservation = Extract<Reservation, { granted: false }>

/** What the work has used, with details for statistics. */
export type WorkUse = Omit<SettleInput, 'reservation_id' | 'cancel'>

export interface ReservationOptions extends CallOptions {
  /** What happens while Tollgate cannot hold units: `deny` (the default) throws, `allow` runs the work and records its use. */
  readonly onUnavailable?: 'allow' | 'deny' | undefined
}

/** What the work gets. */
export interface HeldWork {
  /** What was granted. Undefined if Tollgate was unavailable and `allow` let the work run. */
  readonly reservation: Granted | undefined
  /** Ends with the caller's signal. */
  readonly signal: AbortSignal | undefined
  /** Says what was used until now. Amounts are totals, so a later call replaces the amounts of an earlier one. */
  readonly use: (used: WorkUse) => void
}

export type ReservedResult<Result> = { readonly granted: true; readonly result: Result } | RefusedReservation

type Usage = Pick<Tollgate['usage'], 'reserve' | 'settle' | 'keep' | 'track'>

const UNITS = ['api_calls', 'queries', 'concepts', 'cost_usd', 'storage_gb', 'quantities'] as const
const isUnit = (name: string) => name.endsWith('tokens') || (UNITS as readonly string[]).includes(name)

/** Units that are held, until they are settled once. */
export class Hold implements HeldWork {
  readonly granted = true
  readonly reservation: Granted | undefined
  readonly signal: AbortSignal | undefined
  readonly #usage: Usage
  readonly #traceparent: string | undefined
  readonly #owner: Pick<UsageEvent, 'organization_id' | 'external_id'>
  #used: WorkUse
  #settled: Promise<void> | undefined

  constructor(
    usage: Usage,
    input: ReserveInput,
    given: Pick<HeldWork, 'reservation' | 'signal'> & Pick<CallOptions, 'traceparent'>,
  ) {
    const { organization_id, external_id } = input
    this.#usage = usage
    this.#used = dropUndefined(describeUse(input))
    this.#owner = dropUndefined({ organization_id, external_id })
    this.#traceparent = given.traceparent
    this.reservation = given.reservation
    this.signal = given.signal
  }

  /** Bound, because work takes it out of its context. */
  readonly use = (used: WorkUse): void => {
    this.#used = { ...this.#used, ...used }
  }

  /** Records what was used, or gives all back if nothing was. Never fails: what cannot be settled now waits in the queue. */
  settle(): Promise<void> {
    this.#settled ??= this.#send()
    return this.#settled
  }

  #send(): Promise<void> {
    const id = this.reservation?.reservation_id
    const hasUnits = Object.entries(this.#used).some(([name, value]) => isUnit(name) && value != null)
    const event = { ...this.#used, ...this.#owner, id: id ?? crypto.randomUUID() }
    if (!hasUnits) return this.#release(id)
    return id ? this.#usage.track(event, this.#count(id, event)) : this.#usage.keep(event)
  }

  async #count(reservation_id: string, event: UsageEvent): Promise<void> {
    try {
      await this.#usage.settle({ reservation_id, ...this.#used }, { traceparent: this.#traceparent })
    } catch (error) {
      if (error instanceof InvalidRequestError) await this.#release(reservation_id)
      await this.#usage.keep(event) // its id is the reservation's, so it counts once even if it was settled
    }
  }

  /** Nothing will settle it. If this fails, it expires. */
  async #release(reservation_id: string | undefined): Promise<void> {
    if (reservation_id)
      await this.#usage
        .settle({ reservation_id, cancel: true }, { traceparent: this.#traceparent })
        .catch(() => undefined)
  }
}

const ABOUT_HOLD = new Set(['organization_id', 'external_id', 'slots', 'expires_in_seconds', 'idempotency_key'])

/** What an event has of a reservation: all but its amounts, which are an estimate, and what is about the hold itself. */
const describeUse = (input: ReserveInput): WorkUse =>
  Object.fromEntries(Object.entries(input).filter(([name]) => !isUnit(name) && !ABOUT_HOLD.has(name)))

const dropUndefined = <Fields extends object>(fields: Fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields

/**
 * Holds units for work.
 *
 * @throws TollgateError if it cannot be decided, and `onUnavailable` does not allow the work
 */
export async function hold(
  usage: Usage,
  input: ReserveInput,
  { onUnavailable = 'deny', ...options }: ReservationOptions = {},
): Promise<Hold | RefusedReservation> {
  const { signal, traceparent } = options
  try {
    const reservation = await usage.reserve(input, options)
    return reservation.granted ? new Hold(usage, input, { reservation, signal, traceparent }) : reservation
  } catch (error) {
    if (onUnavailable === 'deny' || !mayAllow(toTollgateError(error))) throw error
    return new Hold(usage, input, { reservation: undefined, signal, traceparent })
  }
}

/** Runs work between a reservation and its settlement. See `Tollgate.withReservation`. */
export async function withReservation<Result>(
  usage: Usage,
  input: ReserveInput,
  work: (held: HeldWork) => Result | Promise<Result>,
  options: ReservationOptions = {},
): Promise<ReservedResult<Result>> {
  const held = await hold(usage, input, options)
  if (!held.granted) return held
  try {
    return { granted: true, result: await untilAborted(work, held) }
  } finally {
    await held.settle()
  }
}

/** Work may not heed the signal, and its caller does not wait for it any longer. */
function untilAborted<Result>(work: (held: HeldWork) => Result | Promise<Result>, held: Hold): Promise<Result> {
  const { signal } = held
  return new Promise((resolve, reject) => {
    const onAbort = () =>
      reject(errorFor('The work was aborted.', { code: 'aborted', status: 0, cause: signal?.reason }))
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort)
    void Promise.resolve(held)
      .then(work)
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener('abort', onAbort))
  })
}
