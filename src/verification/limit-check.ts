import { forEachMeter, METERS } from '../db/schema/meters.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { type Period, toPeriod } from '../lib/period.ts'
import type { CounterRequest } from '../limits/counter.ts'
import { creditCounter } from '../limits/credits/credits.ts'
import { resetCharges } from '../limits/credits/spend-cap.ts'
import { buildCounter, toWindowName } from '../limits/key-limits.ts'
import type { KeySeeds } from '../limits/key-seeds.ts'
import type { LimitRequest, WindowRequest } from '../limits/limit-request.ts'
import { keyVersionKey, organizationVersionKey } from '../limits/limit-request.ts'
import type { VerifyRequest } from './input.ts'
import type { KeyRecord } from './key-record.ts'

const WINDOW_MS = 60_000

/** The input of a limit request. Times in Unix milliseconds. */
interface RequestedLimits {
  readonly record: KeyRecord
  /** The service that requests the verdict, if it presented its own key. */
  readonly caller: KeyRecord | undefined
  readonly request: VerifyRequest
  /** Whether the record's figures are current: read for this request, or within the last second and not used since. */
  readonly isFresh: boolean
  readonly now: number
  readonly aheadMs: number
  /** Whether the record could not be read again, because Postgres does not respond. */
  readonly isUnreadable?: boolean | undefined
  /** What lost counters of limits start with. */
  readonly seeds?: KeySeeds | undefined
}

/** What one verification takes of the key's rate limit, of its and its organization's named limits, and of the quota. Pure. */
export function buildLimitRequest(asked: RequestedLimits): LimitRequest {
  const { record, caller, request, isFresh, isUnreadable, now, aheadMs } = asked
  const period = currentPeriod(record, now)
  const isOfPeriod = record.period.start === period.start
  const { organizationId } = record
  return {
    now,
    aheadMs,
    organizationId,
    windows: [
      { key: record.lineageId, windowMs: WINDOW_MS, limit: record.ratePerMinute, cost: request.cost },
      ...record.windowLimits.map((limit) => toWindowRequest(record, limit, request)),
    ],
    quota: {
      organizationId,
      period,
      meters: record.meters.map(({ meter, limit, blocks, scale, amount = 0, spend }) => ({
        meter,
        ...(scale !== undefined && { scale }),
        amount: meter === 'api_calls' ? request.cost : amount,
        limit: blocks ? limit : null,
        ...(spend && { spend: isOfPeriod ? spend : resetCharges(spend) }),
        ...(meter === 'cost_usd' && priceCalls(record, request)),
      })),
      recorded: isOfPeriod ? record.used : NOTHING_USED,
      isFresh: isFresh && isOfPeriod,
      ...(isUnreadable && !isOfPeriod && { follows: record.period.name }),
    },
    ...listCounters(asked, period.start),
    versions: caller ? [...listVersions(record), ...listVersions(caller)] : listVersions(record),
    ...(request.idempotency_key && { once: buildOnce(record, caller, request) }),
  }
}

/** The money that a verification takes. Nothing if calls have no price. */
function priceCalls({ callPrice }: KeyRecord, { cost }: VerifyRequest) {
  return callPrice && { amount: callPrice.nanoUsd * cost, each: callPrice.nanoUsd }
}

/** The counters of limits first, then the credits. */
function listCounters(asked: RequestedLimits, period: number) {
  const { record, request, now, isFresh, seeds } = asked
  const { counterLimits, credits, organizationId } = record
  if (counterLimits.length === 0 && !credits) return {}
  const limits = counterLimits.map((limit) => {
    const counter = limitCounter(record, limit, { request, now })
    return seeds ? Object.assign(counter, seeds.get(counter.key)) : counter
  })
  if (!credits) return { counters: limits }
  const { amount = 0, each } = priceCalls(record, request) ?? {}
  const calls = each !== undefined && { calls: { each, period } }
  return { counters: [...limits, creditCounter(credits, { organizationId, isFresh, cost: amount, ...calls })] }
}

/** An idempotency key stands for one request of one caller about one key. `body` distinguishes that request from any other. */
function buildOnce(record: KeyRecord, caller: KeyRecord | undefined, request: VerifyRequest) {
  const of = [record.lineageId, caller?.lineageId, request.idempotency_key]
  return { key: `once:${record.organizationId}:${shortHash(of)}`, body: shortHash(readRequest(request)) }
}

/** The event id of a request with an idempotency key, so that a repeat counts once. `undefined` without one. */
export function onceId(record: KeyRecord, caller: KeyRecord | undefined, request: VerifyRequest): string | undefined {
  if (!request.idempotency_key) return undefined
  return shortHash([record.lineageId, caller?.lineageId, request.idempotency_key, ...readRequest(request)])
}

function readRequest({ cost, limits = {}, endpoint, method, quantities, subject }: VerifyRequest) {
  const optional = [...(quantities ? [sortEntries(quantities)] : []), ...(subject === undefined ? [] : [subject])]
  return [cost, sortEntries(limits), endpoint, method, ...optional]
}

const sortEntries = (record: Readonly<Record<string, number>>) =>
  Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1))

const shortHash = (parts: readonly unknown[]) => sha256Hex(JSON.stringify(parts)).slice(0, 32)

/** In a limit request, the versions of the key and its organization come first; a caller's come after them. */
export const OWN_VERSIONS = 2

const NOTHING_USED = { ...forEachMeter(METERS, () => 0), lanes: [0, 0] } as const

/** The usage period that contains `now`. This is nearly always the period the record was read in. */
export function currentPeriod({ period, periodAnchor }: KeyRecord, now: number): Period {
  return now >= period.start && now < period.end ? period : toPeriod(periodAnchor, now)
}

type Limit = KeyRecord['windowLimits'][number]

function toWindowRequest(
  { organizationId, lineageId }: KeyRecord,
  limit: Limit,
  request: VerifyRequest,
): WindowRequest {
  return {
    key: toWindowName(limit, { organizationId, lineageId, subject: request.subject }),
    windowMs: (limit.window_seconds ?? 0) * 1000,
    limit: limit.limit,
    cost: readCost(limit, request),
  }
}

/** What the request says of limits of requests by that name, else the limit's usual cost. */
function readCost({ name, cost }: Limit, { limits: named, cost: units }: VerifyRequest): number {
  const usual = units === 0 ? 0 : cost // a request that only reads takes nothing
  return (named && Object.hasOwn(named, name) ? named[name] : undefined) ?? usual
}

/** A verification takes units of requests, calls, their price, and custom meters. It only checks all other meters. */
function limitCounter(
  record: KeyRecord,
  limit: Limit,
  { request, now }: { readonly request: VerifyRequest; readonly now: number },
): CounterRequest {
  const { organizationId, lineageId, meters } = record
  const counter = buildCounter(limit, { organizationId, lineageId, subject: request.subject }, now)
  if (limit.meter === undefined) return { ...counter, cost: readCost(limit, request) }
  if (limit.meter === 'api_calls') return { ...counter, cost: request.cost }
  if (limit.meter === 'cost_usd') return { ...counter, cost: priceCalls(record, request)?.amount ?? 0 }
  return { ...counter, cost: meters.find(({ meter }) => meter === limit.meter)?.amount ?? 0 }
}

function listVersions(record: KeyRecord) {
  return [
    { key: keyVersionKey(record.keyId), version: record.version },
    { key: organizationVersionKey(record.organizationId), version: record.organizationVersion },
  ]
}
