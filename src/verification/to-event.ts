/** The usage event of a verification. Pure. */
import { formatIso } from '../lib/iso.ts'
import { roundQuantities } from '../limits/meters/quantities.ts'
import { type UsageEvent, VERIFICATION } from '../metering/event.ts'
import type { VerifyRequest } from './input.ts'
import type { KeyRecord } from './key-record.ts'
import type { Verdict } from './verdict.ts'

interface Decided {
  readonly verdict: Verdict
  /** Unix milliseconds. */
  readonly at: number
  /** See LimitDecision. */
  readonly generation?: number | undefined
}

/** @param onceOnly the id that its repeats share; `undefined` if each counts by itself */
export function toEvent(
  request: VerifyRequest,
  { verdict, at, generation }: Decided,
  record: KeyRecord,
  onceOnly: string | undefined,
): UsageEvent {
  return {
    ...nameEvent(verdict.request_id, onceOnly),
    source: VERIFICATION,
    ...toLane(generation),
    organization_id: record.organizationId,
    occurred_at: formatIso(at),
    key_id: record.keyId,
    user_id: record.userId,
    environment: record.environment,
    ...(request.subject !== undefined && { subject: request.subject }),
    endpoint: request.endpoint ?? '',
    method: request.method ?? '',
    status_code: verdict.status,
    ...(verdict.valid ? listTaken(request, record) : NOTHING_TAKEN),
    ip: request.ip ?? null,
    user_agent: request.user_agent ?? null,
    error_code: verdict.valid ? null : verdict.code,
  }
}

const NOTHING_TAKEN = { api_calls: 0 }

const listTaken = ({ cost, quantities }: VerifyRequest, { callPrice, customMeters }: KeyRecord) => ({
  api_calls: cost,
  ...(callPrice && cost > 0 && { price_per_call_usd: callPrice.usd }),
  ...(quantities && { quantities: roundQuantities(quantities, customMeters) }),
})

const nameEvent = (requestId: string, onceOnly: string | undefined) =>
  onceOnly === undefined ? { id: requestId } : { id: onceOnly, request_id: requestId }

const toLane = (generation: number | undefined) => (generation === undefined ? {} : { lane: generation % 2 })
