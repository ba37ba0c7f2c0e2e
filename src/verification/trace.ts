import type { VerdictTrace } from '../metering/event.ts'
import type { LimitReading, LimitReadings } from '../rpc-types.ts'
import type { VerifyRequest } from './input.ts'
import type { KeyRecord } from './key-record.ts'
import { holdsScope } from './rules.ts'
import type { Verdict } from './verdict.ts'

/** Enough to see the problem; a request may require 50. */
const MISSING_SCOPES = 5

interface Decided {
  readonly verdict: Verdict
  readonly record: KeyRecord
  readonly request: VerifyRequest
  readonly caller: KeyRecord | undefined
  readonly isLocal: true | undefined
  /** Whether the event is stored under another id than the request's. */
  readonly isRenamed: boolean
}

/** The data of a verdict that is stored with its event: the inputs of the decision, and the counters at that time. Pure. */
export function traceVerdict(decided: Decided): VerdictTrace {
  const { verdict, record, request, caller, isLocal, isRenamed } = decided
  const trace: Mutable<VerdictTrace> = { plan: record.plan, versions: [record.version, record.organizationVersion] }
  if (caller) trace.service = caller.keyId
  if (request.cost !== 1) trace.cost = request.cost
  if (isRenamed) trace.request = verdict.request_id
  if (isLocal) trace.alone = true
  if (hasReadings(verdict)) {
    trace.windows = traceWindows(verdict)
    trace.quotas = traceQuotas(verdict)
  }
  return verdict.valid ? trace : traceRefusal(trace, decided)
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

const hasReadings = (verdict: Verdict): verdict is Verdict & LimitReadings => verdict.ratelimit !== undefined

function traceRefusal(trace: Mutable<VerdictTrace>, { verdict, record, request }: Decided): VerdictTrace {
  if (verdict.valid) return trace
  if (verdict.refused_by !== undefined) trace.refused_by = verdict.refused_by
  if (verdict.never_fits) trace.never_fits = true
  if (verdict.code === 'INSUFFICIENT_SCOPE')
    trace.missing = request.scopes.filter((scope) => !holdsScope(record.scopes, scope)).slice(0, MISSING_SCOPES)
  return trace
}

function traceWindows({ ratelimit, limits }: LimitReadings): NonNullable<VerdictTrace['windows']> {
  const windows: Record<string, Window> = { ratelimit: readWindow(ratelimit) }
  for (const name in limits) windows[name] = readWindow(limits[name] as LimitReading)
  return windows
}

type Window = NonNullable<VerdictTrace['windows']>[string]

const readWindow = ({ limit, remaining, resets_at }: LimitReading): Window => [limit, remaining, resets_at]

type Quota = NonNullable<VerdictTrace['quotas']>[string]

function traceQuotas({ quotas }: LimitReadings): Record<string, Quota> {
  const traced: Record<string, Quota> = {}
  for (const meter in quotas) {
    const { limit, used, held } = quotas[meter as keyof typeof quotas] as QuotaFigures
    traced[meter] = [limit, used, held]
  }
  return traced
}

interface QuotaFigures {
  readonly limit: number | string | null
  readonly used: number | string
  readonly held: number | string
}
