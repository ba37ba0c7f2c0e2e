import { toSlug } from '../db/schema/meter-names.ts'
import { formatIso } from '../lib/iso.ts'
import { CREDITS } from '../limits/credits/credits.ts'
import { nameRefusal } from '../limits/credits/spend-cap.ts'
import { limitName } from '../limits/key-limits.ts'
import { describeLimit } from '../limits/limit-reading.ts'
import type { LimitDecision } from '../limits/limit-request.ts'
import { describeReading } from '../limits/quota-reading.ts'
import type { WindowReading as CountedWindow } from '../limits/window.ts'
import type {
  KeyFacts,
  LimitReading,
  LimitReadings,
  QuotaReading,
  QuotaReadings,
  RefusedKey,
  ValidKey,
  WindowReading,
} from '../rpc-types.ts'
import type { Refusal } from '../verdict-codes.ts'
import type { KeyRecord } from './key-record.ts'
import { currentPeriod } from './limit-check.ts'
import { STATUS_BY_CODE } from './rules.ts'

export type Verdict = ValidKey | RefusedKey

const CODES = {
  rate_limited: 'RATE_LIMITED',
  counter_exceeded: 'RATE_LIMITED',
  quota_exceeded: 'QUOTA_EXCEEDED',
} as const

/** A verdict reached without checking the limits. */
export function refusedVerdict(code: Refusal, record: KeyRecord | undefined, requestId: string): RefusedKey {
  const status = STATUS_BY_CODE[code]
  const verdict: RefusedKey = { valid: false, code, status, retry_after: null, request_id: requestId }
  return record ? { ...verdict, ...about(record) } : verdict
}

/** A verdict decided by limits and quotas. */
export function admittedVerdict(admission: LimitDecision, record: KeyRecord, requestId: string, now: number): Verdict {
  const { outcome } = admission
  const readings = { ...about(record), ...readLimits(admission, record, now) }
  if (outcome === 'admitted')
    return { valid: true, code: 'VALID', status: 200, retry_after: null, request_id: requestId, ...readings }
  const code = isOutOfCredits(admission, record) ? 'CREDITS_EXHAUSTED' : CODES[outcome]
  return {
    valid: false,
    code,
    status: STATUS_BY_CODE[code],
    retry_after: readRetryAfter(admission, record, now),
    request_id: requestId,
    ...readings,
    ...refusedBy(admission, record),
  }
}

/** The credits are the last of the counters. */
const isOutOfCredits = ({ outcome, refused }: LimitDecision, { counterLimits }: KeyRecord) =>
  outcome === 'counter_exceeded' && refused === counterLimits.length

function readLimits(admission: LimitDecision, record: KeyRecord, now: number): LimitReadings {
  return {
    ratelimit: readWindow(admission, 0),
    ...(record.windowLimits.length + record.counterLimits.length > 0 && { limits: readKeyLimits(admission, record) }),
    quotas: readQuotas(admission, record, now),
  }
}

function refusedBy(admission: LimitDecision, record: KeyRecord): Pick<RefusedKey, 'refused_by' | 'never_fits'> {
  const { outcome, refused, neverFits } = admission
  if (refused < 0) return {}
  if (isOutOfCredits(admission, record)) return { refused_by: CREDITS }
  const meter = outcome === 'quota_exceeded' ? record.meters[refused] : undefined
  const name = meter ? nameRefusal(meter, admission.meters[refused]) : NAMES[outcome](record)[refused]
  return { refused_by: name ?? '', ...(neverFits && { never_fits: true }) }
}

function readWindow({ windows, outcome, refused, neverFits }: LimitDecision, at: number): WindowReading {
  const { limit, remaining, reset } = windows[at] as CountedWindow
  const isNever = neverFits && outcome === 'rate_limited' && refused === at
  return { limit, remaining, resets_at: isNever ? null : formatIso(reset) }
}

/** Rounded up, so that a client that waits exactly that long is not refused again. */
function readRetryAfter(admission: LimitDecision, record: KeyRecord, now: number): number | null {
  const { outcome, neverFits } = admission
  if (neverFits) return null
  const at = outcome === 'quota_exceeded' ? currentPeriod(record, now).end : readReset(admission)
  if (at === null) return null
  return Math.max(1, Math.ceil((at - now) / 1_000))
}

const readReset = ({ outcome, refused, windows, counters }: LimitDecision): number | null =>
  (outcome === 'counter_exceeded' ? counters : windows)?.[refused]?.reset ?? null

/** The names of the parts of a request, in their order. */
const NAMES: Readonly<Record<LimitDecision['outcome'], (record: KeyRecord) => readonly string[]>> = {
  admitted: () => [],
  rate_limited: ({ windowLimits }) => ['ratelimit', ...windowLimits.map(limitName)],
  counter_exceeded: ({ counterLimits }) => counterLimits.map(limitName),
  quota_exceeded: ({ meters }) => meters.map(({ meter }) => toSlug(meter)),
}

function readKeyLimits(
  admission: LimitDecision,
  { windowLimits, counterLimits }: KeyRecord,
): Record<string, LimitReading> {
  const isNever = (at: number) =>
    admission.neverFits && admission.outcome === 'counter_exceeded' && admission.refused === at
  return Object.fromEntries([
    ...windowLimits.map((limit, at) => [limitName(limit), readWindow(admission, at + 1)] as const),
    ...counterLimits.map((limit, at) => {
      const reading = describeLimit(limit, admission.counters?.[at])
      return [limitName(limit), isNever(at) ? { ...reading, resets_at: null } : reading] as const
    }),
  ])
}

function about(record: KeyRecord): KeyFacts {
  return {
    key_id: record.keyId,
    organization_id: record.organizationId,
    external_id: record.externalId,
    user_id: record.userId,
    name: record.name,
    environment: record.environment,
    scopes: record.scopes,
    plan: record.plan,
    features: record.features,
    metadata: record.metadata as KeyFacts['metadata'], // stored as JSON
    expires_at: record.expiresAt === undefined ? null : formatIso(record.expiresAt),
  }
}

function readQuotas(admission: LimitDecision, record: KeyRecord, now: number): QuotaReadings {
  const resets_at = formatIso(currentPeriod(record, now).end)
  const readings: Record<string, QuotaReading<number | string>> = {}
  for (let at = 0; at < record.meters.length; at++) {
    const meter = record.meters[at] as KeyRecord['meters'][number]
    readings[toSlug(meter.meter)] = describeReading(meter, admission.meters[at], resets_at)
  }
  return readings as QuotaReadings // each meter has one kind of amount
}
