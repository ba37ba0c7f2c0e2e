/** Named limits of keys and of organizations: which of them count in windows of requests, and which in counters of a meter. Pure. */
import type { CustomMeterName } from '../db/schema/meter-names.ts'
import type { LimitMeter, LimitOverrides, NamedLimit, PlanLimits } from '../db/schema/shapes.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { toCalendarSpan } from '../lib/calendar.ts'
import type { CounterRequest } from './counter.ts'
import { toScaledUnits } from './meters/quantities.ts'
import { toUnits } from './meters/units.ts'

/** A limit, and whose it is. */
export type OwnedLimit = NamedLimit & {
  /** Set for a limit of the organization, in which all its keys count together. Else it is the key's. */
  readonly of?: 'organization'
}

/**
 * Whose units a limit counts: those of a key and all that it replaced, or of an organization, and, of some limits, of one
 * subject.
 */
export interface LimitScope {
  readonly organizationId: string
  /** The first key in its line of rotations. Absent for use without a key. */
  readonly lineageId?: string | undefined
  /** The operator's customer's user. All requests without one are of one nameless subject. */
  readonly subject?: string | null | undefined
}

/** What verdicts, refusals and holds call a limit. The name of a key's limit has no colon, so none is taken for another. */
export const limitName = ({ name, of }: OwnedLimit) => (of === undefined ? name : `${of}:${name}`)

export const readMeter = ({ meter }: NamedLimit): LimitMeter | CustomMeterName => meter ?? 'requests'

/** Whether a limit is a rolling window of requests. These are checked like the rate limit. */
export const isRequestWindow = ({ meter, period }: NamedLimit) => meter === undefined && period === undefined

/**
 * All limits of a key: its plan's for every key, and its own. Its own limit with the same name as one of the plan's counts
 * only if it is at least as strict; otherwise the plan's does.
 */
export function selectLimits({ key_limits: planned = [] }: PlanLimits, own: readonly NamedLimit[]) {
  if (planned.length === 0) return own
  const replaces = (outer: NamedLimit) => own.some((one) => isAsTight(one, outer))
  const isNamed = ({ name }: NamedLimit) => planned.some((outer) => outer.name === name && !replaces(outer))
  return [...planned.filter((outer) => !replaces(outer)), ...own.filter((one) => !isNamed(one))]
}

/** The limits of an organization: its plan's, and its own, which replace those of the same name. */
export function selectOrganizationLimits(
  { organization_limits: planned = [] }: PlanLimits,
  { organization_limits: own = [] }: LimitOverrides,
): readonly OwnedLimit[] {
  if (planned.length + own.length === 0) return NONE
  const names = new Set(own.map(({ name }) => name))
  return [...planned.filter(({ name }) => !names.has(name)), ...own].map(toOrganizations)
}

const NONE: readonly OwnedLimit[] = []

const toOrganizations = (limit: NamedLimit): OwnedLimit => Object.assign({ of: 'organization' as const }, limit)

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

/** The maximum number of concurrent holds of a key: its own, never above its plan's. */
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
export function toWindowName(limit: OwnedLimit, scope: LimitScope): string {
  const { name, window_seconds, per } = limit
  // buckets of a window of another length cover other times
  return `${toOwner(limit, scope)}:${name}:${window_seconds}${per ? `:${hashSubject(scope.subject)}` : ''}`
}

/** The counter of a limit. @param now Unix milliseconds */
export function buildCounter(limit: OwnedLimit, scope: LimitScope, now: number): Omit<CounterRequest, 'cost'> {
  const { name, period, window_seconds = 0, per } = limit
  const owner = toOwner(limit, scope)
  const span = period && toCalendarSpan(period, now)
  const parts = [name, readMeter(limit), span?.name ?? window_seconds, ...(per ? [hashSubject(scope.subject)] : [])]
  return {
    key: `limit:${owner}:${parts.join(':')}`,
    limit: toLimitUnits(limit),
    ...(span
      ? { until: span.end, kept: { key: keptKey(owner), from: span.start } }
      : { windowMs: window_seconds * 1000 }),
  }
}

/** As Redis keys call the holder of a limit. */
const toOwner = ({ of }: OwnedLimit, { organizationId, lineageId = '' }: LimitScope) =>
  of === undefined ? lineageId : `${of}:${organizationId}`

/** Since when Redis has everything that calendar periods of a lineage or an organization count. */
const keptKey = (owner: string) => `limits:${owner}`

/** A subject is any text; its hash has a fixed length. */
const hashSubject = (subject: string | null | undefined) => (subject ? sha256Hex(subject).slice(0, 32) : 'nameless')
