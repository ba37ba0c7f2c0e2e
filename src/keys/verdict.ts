import { monthOf } from '../lib/period.ts'
import type { Admission } from '../limits/admission.ts'
import type { WindowReading } from '../limits/window.ts'
import type { KeyRecord } from './record.ts'
import type { VerdictCode } from './rules.ts'

interface QuotaReading {
  readonly limit: number | null
  readonly used: number
  readonly remaining: number | null
  /** ISO 8601. */
  readonly resets_at: string
}

/** A key that is not known gets nothing but the first three. */
export interface Verdict {
  readonly valid: boolean
  readonly code: VerdictCode
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
  /** `reset` in Unix milliseconds, as \@upstash/ratelimit gives it: when all units are back, or when a refused cost fits. */
  readonly ratelimit?: WindowReading
  readonly quotas?: Readonly<Record<string, QuotaReading>>
}

type Decided = Extract<Admission, { window: WindowReading }>

const CODES = { admitted: 'VALID', rate_limited: 'RATE_LIMITED', quota_exceeded: 'QUOTA_EXCEEDED' } as const

/** A verdict that was reached before limits were asked. */
export function refusedVerdict(code: VerdictCode, record: KeyRecord | undefined, requestId: string): Verdict {
  const verdict: Verdict = { valid: false, code, request_id: requestId }
  return record ? { ...verdict, ...about(record) } : verdict
}

/** A verdict that limits and quotas decided. */
export function admittedVerdict(admission: Decided, record: KeyRecord, requestId: string, now: number): Verdict {
  const code = CODES[admission.outcome]
  return {
    valid: code === 'VALID',
    code,
    request_id: requestId,
    ...about(record),
    ratelimit: admission.window,
    quotas: { api_calls: readQuota(record, admission.used[0] ?? 0, now) },
  }
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
    expires_at: record.expiresAt === undefined ? null : new Date(record.expiresAt).toISOString(),
  }
}

function readQuota({ apiCalls: { limit } }: KeyRecord, used: number, now: number): QuotaReading {
  const remaining = limit === null ? null : Math.max(0, limit - used)
  return { limit, used, remaining, resets_at: new Date(monthOf(now).end).toISOString() }
}
