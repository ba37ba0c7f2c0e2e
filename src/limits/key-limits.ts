/** The limits of a key: which of them count in windows of requests, and which in counters of a meter. Pure. */
import type { CustomMeterName } from '../db/schema/meter-names.ts'
import type { LimitMeter, NamedLimit, PlanLimits } from '../db/schema/shapes.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { toCalendarSpan } from '../lib/calendar.ts'
import type { CounterRequest } from './counter.ts'
import { toUnits } from './meter-units.ts'
import { toScaledUnits } from './quantities.ts'

/** Whose units a limit counts: those of a key and all that it replaced, and, of some limits, of one subject. */
export interface LimitScope {
  /** The first key in its line of rotations. */
  readonly lineageId: string
  /** The operator's customer's user. All requests without one are of one nameless subject. */
  readonly subject?: string | null | undefined
}

export const readMeter = ({ meter }: NamedLimit): LimitMeter | CustomMeterName => meter ?? 'requests'

/** Whether a limit is a rolling window of requests. These are checked like the rate limit. */
export const isRequestWindow = ({ meter, period }: NamedLimit) => meter === undefined && period === undefined

/**
 * All limits of a key: its plan's for every key, and its own. A limit of its own by the name of one of the plan's counts
 * only where it is as tight; else the plan's does.
 */
export function selectLimits({ key_limits: planned = [] }: PlanLimits, own: readonly NamedLimit[]) {
  if (planned.length === 0) return own
  const replaces = (outer: NamedLimit) => own.some((one) => isAsTight(one, outer))
  const isNamed = ({ name }: NamedLimit) => planned.some((outer) => outer.name === name && !replaces(outer))
  return [...planned.filter((outer) => !replaces(outer)), ...own.filter((one) => !isNamed(one))]
}

/** Whether a limit lets through no more than another one of its name. */
export function isAsTight(one: NamedLimit, outer: NamedLimit): boolean {
  const isSame = one.name === outer.name && one.meter === outer.meter && one.period === outer.period
  const isOfAll = one.per === undefined || one.per === outer.per
  return (
    isSame &&
    isOfAll &&
    one.limit <= outer.limit &&
    (one.window_seconds ?? 0) >= (outer.window_seconds ?? 0) &&
    one.cost >= outer.cost
  )
}

/** The most concurrent holds of a key: its own, never above its plan's. */
export function selectConcurrency({ key_max_concurrent: planned }: PlanLimits, own: number | null): number | undefined {
  const bounds = [own, planned].filter((bound) => typeof bound === 'number')
  return bounds.length > 0 ? Math.min(...bounds) : undefined
}

/** A limit in whole units. */
export function toLimitUnits({ meter, limit, scale }: NamedLimit): number {
  if (scale !== undefined) return toScaledUnits(limit, scale)
  return meter === 'cost_usd' ? toUnits(meter, limit) : limit
}

/** The key, in Redis, of a window of requests, without the prefix that all windows share. */
export function toWindowName({ name, window_seconds, per }: NamedLimit, { lineageId, subject }: LimitScope): string {
  // buckets of a window of another length cover other times
  return `${lineageId}:${name}:${window_seconds}${per ? `:${hashSubject(subject)}` : ''}`
}

/** The counter of a limit. @param now Unix milliseconds */
export function buildCounter(
  limit: NamedLimit,
  { lineageId, subject }: LimitScope,
  now: number,
): Omit<CounterRequest, 'cost'> {
  const { name, period, window_seconds = 0, per } = limit
  const span = period && toCalendarSpan(period, now)
  const parts = [name, readMeter(limit), span?.name ?? window_seconds, ...(per ? [hashSubject(subject)] : [])]
  return {
    key: `limit:${lineageId}:${parts.join(':')}`,
    limit: toLimitUnits(limit),
    ...(span
      ? { until: span.end, kept: { key: keptKey(lineageId), from: span.start } }
      : { windowMs: window_seconds * 1000 }),
  }
}

/** Since when Redis has everything that calendar periods of a lineage count. */
const keptKey = (lineageId: string) => `limits:${lineageId}`

/** A subject is anything; its hash has one length. */
const hashSubject = (subject: string | null | undefined) => (subject ? sha256Hex(subject).slice(0, 32) : 'nameless')
