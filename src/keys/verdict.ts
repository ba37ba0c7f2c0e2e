import { isoOf } from '../lib/iso.ts'
import type { Decided } from '../limits/claim.ts'
import { fromUnits } from '../limits/meter-units.ts'
import type { WindowReading } from '../limits/window.ts'
import { currentPeriod } from './key-claim.ts'
import type { KeyRecord } from './record.ts'
import { STATUS_BY_CODE, type VerdictCode } from './rules.ts'

interface QuotaReading {
  readonly limit: number | null
  readonly used: number
  /** Reserved and not settled yet. */
  readonly held: number
  readonly remaining: number | null
  /** ISO 8601. */
  readonly resets_at: string
}

/** A window as a verdict tells it. */
interface WindowVerdict {
  readonly limit: number
  readonly remaining: number
  /** ISO 8601: when all units are back, or when a refused cost fits; null where it never does. */
  readonly resets_at: string | null
}

/** A key that is not known gets nothing but the first five. */
export interface Verdict {
  readonly valid: boolean
  readonly code: VerdictCode
  /** With which an API answers its caller: 200, 401, 403 or 429. */
  readonly status: (typeof STATUS_BY_CODE)[VerdictCode]
  /** Seconds until it is worth trying again, at least 1; null where waiting does not help. */
  readonly retry_after: number | null
  readonly request_id: string
  readonly key_id?: string
  readonly organization_id?: string
  readonly user_id?: string | null
  readonly name?: string
  readonly environment?: 'live' | 'test'
  readonly scopes?: readonly string[]
  readonly plan?: string
  readonly features?: Readonly<Record<string, number | string | boolean>>
  readonly metadata?: Readonly<Record<string, unknown>>
  /** ISO 8601. */
  readonly expires_at?: string | null
  readonly ratelimit?: WindowVerdict
  /** The key's named limits, where it has any. */
  readonly limits?: Readonly<Record<string, WindowVerdict>>
  readonly quotas?: Readonly<Record<string, QuotaReading>>
  /** What refused, where it was a limit: `ratelimit`, a named limit or a meter. */
  readonly refused_by?: string
  /** Set where more was asked for than the limit is: no waiting helps. */
  readonly never_fits?: true
}

const CODES = { admitted: 'VALID', rate_limited: 'RATE_LIMITED', quota_exceeded: 'QUOTA_EXCEEDED' } as const

/** A verdict that was reached before limits were asked. */
export function refusedVerdict(code: VerdictCode, record: KeyRecord | undefined, requestId: string): Verdict {
  const status = STATUS_BY_CODE[code]
  const verdict: Verdict = { valid: false, code, status, retry_after: null, request_id: requestId }
  return record ? { ...verdict, ...about(record) } : verdict
}

/** A verdict that limits and quotas decided. */
export function admittedVerdict(admission: Decided, record: KeyRecord, requestId: string, now: number): Verdict {
  const code = CODES[admission.outcome]
  return {
    valid: code === 'VALID',
    code,
    status: STATUS_BY_CODE[code],
    retry_after: readRetryAfter(admission, record, now),
    request_id: requestId,
    ...about(record),
    ratelimit: readWindow(admission, 0),
    ...(record.namedLimits.length > 0 && { limits: readNamedLimits(admission, record) }),
    quotas: readQuotas(admission, record, now),
    ...refusedBy(admission, record),
  }
}

function refusedBy(
  { outcome, refused, neverFits }: Decided,
  record: KeyRecord,
): Pick<Verdict, 'refused_by' | 'never_fits'> {
  if (refused < 0) return {}
  const names = outcome === 'quota_exceeded' ? record.meters.map(({ meter }) => meter) : windowNames(record)
  return { refused_by: names[refused] ?? '', ...(neverFits && { never_fits: true }) }
}

function readWindow({ windows, outcome, refused, neverFits }: Decided, at: number): WindowVerdict {
  const { limit, remaining, reset } = windows[at] as WindowReading
  const isNever = neverFits && outcome === 'rate_limited' && refused === at
  return { limit, remaining, resets_at: isNever ? null : isoOf(reset) }
}

/** Rounded up, so that whoever waits exactly that long is not refused again. */
function readRetryAfter(
  { outcome, refused, windows, neverFits }: Decided,
  record: KeyRecord,
  now: number,
): number | null {
  if (outcome === 'admitted' || neverFits) return null
  const at = outcome === 'quota_exceeded' ? currentPeriod(record, now).end : (windows[refused]?.reset ?? now)
  return Math.max(1, Math.ceil((at - now) / 1_000))
}

const windowNames = ({ namedLimits }: KeyRecord) => ['ratelimit', ...namedLimits.map(({ name }) => name)]

function readNamedLimits(admission: Decided, { namedLimits }: KeyRecord): Record<string, WindowVerdict> {
  return Object.fromEntries(namedLimits.map(({ name }, at) => [name, readWindow(admission, at + 1)]))
}

function about(record: KeyRecord) {
  return {
    key_id: record.keyId,
    organization_id: record.organizationId,
    user_id: record.userId,
    name: record.name,
    environment: record.environment,
    scopes: record.scopes,
    plan: record.plan,
    features: record.features,
    metadata: record.metadata,
    expires_at: record.expiresAt === undefined ? null : isoOf(record.expiresAt),
  }
}

function readQuotas(admission: Decided, record: KeyRecord, now: number): Record<string, QuotaReading> {
  const resets_at = isoOf(currentPeriod(record, now).end)
  const readings: Record<string, QuotaReading> = {}
  for (let at = 0; at < record.meters.length; at++) {
    const { meter, limit } = record.meters[at] as KeyRecord['meters'][number]
    const { used = 0, held = 0 } = admission.meters[at] ?? {}
    readings[meter] = {
      limit: limit === null ? null : fromUnits(meter, limit),
      used: fromUnits(meter, used),
      held: fromUnits(meter, held),
      remaining: limit === null ? null : fromUnits(meter, Math.max(0, limit - used - held)),
      resets_at,
    }
  }
  return readings
}
