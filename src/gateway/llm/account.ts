import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { Problem } from '../../problems.ts'
import { ingestUsage } from '../../usage/reporting/ingest.ts'
import { reserveFor } from '../../usage/reservations/reserve.ts'
import { settle } from '../../usage/reservations/settle.ts'
import type { KeyRecord } from '../../verification/key-record.ts'
import { retryHeaders } from '../retry-headers.ts'
import type { Estimate } from './estimate.ts'

/** Longer than any response. */
const HOLD_SECONDS = 3_600

/** Facts of a request other than its tokens: the fields of a report. */
export interface CallFacts {
  readonly request_id: string
  readonly key_id: string
  readonly endpoint: string
  readonly method: string
  readonly provider?: string
}

/**
 * Holds the maximum usage of a model request.
 *
 * @returns the reservation's id
 * @throws Problem `quota_exceeded`, `rate_limited`, `concurrency_exceeded`, and those of `reserve`
 */
export async function holdTokens(
  deps: Deps,
  { organizationId, keyId }: KeyRecord,
  { model, input_tokens, output_tokens }: Estimate,
  provider: string | undefined,
): Promise<string> {
  const asked = { key_id: keyId, input_tokens, output_tokens, expires_in_seconds: HOLD_SECONDS }
  const request = { ...asked, ...(model !== undefined && { model }), ...(provider !== undefined && { provider }) }
  const reservation = await reserveFor(deps, organizationId, request, GATEWAY)
  if (reservation.granted) return reservation.reservation_id
  const { exceeded, code, retry_after: seconds } = reservation
  const { meter, requested, limit, used, held } = exceeded
  const detail = `The request may need ${requested} of ${meter}; the limit is ${limit}, ${used} are used and ${held} held.`
  throw new Problem(PROBLEMS[code], { detail, headers: retryHeaders(PROBLEMS[code], seconds) })
}

/** The problem for each refusal of a reservation. */
const PROBLEMS = {
  QUOTA_EXCEEDED: 'quota_exceeded',
  RATE_LIMITED: 'rate_limited',
  CONCURRENCY_EXCEEDED: 'concurrency_exceeded',
  CREDITS_EXHAUSTED: 'credits_exhausted',
} as const

const GATEWAY = { organizationId: null, id: 'gateway' } as const

export interface Used {
  readonly status_code: number
  readonly response_time_ms: number
  readonly model?: string | undefined
  readonly [tokens: string]: number | string | Readonly<Record<string, number | string>> | undefined
}

/** The id under which usage is counted: the reservation that it settles, or else an id besides that of its request. */
interface Under {
  readonly hold?: string | undefined
  readonly id?: string
}

/** Records the usage of a response, and releases the hold. Never fails: usage that cannot be recorded is logged in full. */
export async function recordUse(deps: Deps, facts: CallFacts, { hold, id }: Under, used: Used): Promise<void> {
  const event = { ...facts, ...used }
  try {
    if (hold !== undefined) await settle(deps, { ...event, reservation_id: hold }, null)
    else await report(deps, { ...event, id: `gateway-${id ?? facts.request_id}` })
  } catch (error) {
    log('error', 'gateway_use_lost', { ...event, reservation_id: hold, ...errorFields(error) })
  }
}

async function report(deps: Deps, event: object): Promise<void> {
  const { rejected } = await ingestUsage(deps, { events: [event] }, { organizationId: null })
  if (rejected[0]) throw new Error(rejected[0].detail)
}

/** Releases an unused hold. If that fails, the hold expires by itself. */
export async function releaseTokens(deps: Deps, hold: string): Promise<void> {
  try {
    await settle(deps, { reservation_id: hold, cancel: true }, null)
  } catch (error) {
    log('warn', 'gateway_hold_not_released', { reservation_id: hold, ...errorFields(error) })
  }
}
