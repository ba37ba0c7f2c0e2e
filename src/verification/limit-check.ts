import { forEachMeter, METERS } from '../db/schema/meters.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { type Period, toPeriod } from '../lib/period.ts'
import type { LimitRequest, WindowRequest } from '../limits/limit-request.ts'
import { keyVersionKey, organizationVersionKey } from '../limits/limit-request.ts'
import type { VerifyRequest } from './input.ts'
import type { KeyRecord } from './key-record.ts'

const WINDOW_MS = 60_000

/** The input of a limit request. Times in Unix milliseconds. */
interface RequestedLimits {
  readonly record: KeyRecord
  /** The service that asks for the verdict, if it presented a key of its own. */
  readonly caller: KeyRecord | undefined
  readonly request: VerifyRequest
  /** Whether the record was read for this very request. */
  readonly isFresh: boolean
  readonly now: number
  readonly aheadMs: number
}

/** What one verification takes of the key's rate limit and named limits, and of its organization's quota. Pure. */
export function buildLimitRequest({ record, caller, request, isFresh, now, aheadMs }: RequestedLimits): LimitRequest {
  const period = currentPeriod(record, now)
  const isOfPeriod = record.period.start === period.start
  const { organizationId } = record
  return {
    now,
    aheadMs,
    windows: [
      { key: record.lineageId, windowMs: WINDOW_MS, limit: record.ratePerMinute, cost: request.cost },
      ...record.namedLimits.map((limit) => namedWindow(record, limit, request)),
    ],
    quota: {
      organizationId,
      period,
      meters: record.meters.map(({ meter, limit, blocks }) => ({
        meter,
        amount: meter === 'api_calls' ? request.cost : 0,
        limit: blocks ? limit : null,
      })),
      recorded: isOfPeriod ? record.used : NOTHING_USED,
      isFresh: isFresh && isOfPeriod,
    },
    versions: caller ? [...listVersions(record), ...listVersions(caller)] : listVersions(record),
    ...(request.idempotency_key && { once: buildOnce(record, caller, request) }),
  }
}

/** An idempotency key stands for one request of one caller about one key. `body` tells that request from any other. */
function buildOnce(record: KeyRecord, caller: KeyRecord | undefined, request: VerifyRequest) {
  const of = [record.lineageId, caller?.lineageId, request.idempotency_key]
  return { key: `once:${record.organizationId}:${shortHash(of)}`, body: shortHash(readRequest(request)) }
}

/** The event id of a request with an idempotency key, so that a repeat counts once. `undefined` without one. */
export function onceId(record: KeyRecord, caller: KeyRecord | undefined, request: VerifyRequest): string | undefined {
  if (!request.idempotency_key) return undefined
  return shortHash([record.lineageId, caller?.lineageId, request.idempotency_key, ...readRequest(request)])
}

function readRequest({ cost, limits = {}, endpoint, method }: VerifyRequest) {
  return [cost, Object.entries(limits).toSorted(([a], [b]) => (a < b ? -1 : 1)), endpoint, method]
}

const shortHash = (parts: readonly unknown[]) => sha256Hex(JSON.stringify(parts)).slice(0, 32)

/** In a limit request, the versions of the key and its organization come first; a caller's come after them. */
export const OWN_VERSIONS = 2

const NOTHING_USED = { ...forEachMeter(METERS, () => 0), lanes: [0, 0] } as const

/** The usage period that contains `now`. This is nearly always the period the record was read in. */
export function currentPeriod({ period, periodAnchor }: KeyRecord, now: number): Period {
  return now >= period.start && now < period.end ? period : toPeriod(periodAnchor, now)
}

function namedWindow(
  record: KeyRecord,
  limit: KeyRecord['namedLimits'][number],
  request: VerifyRequest,
): WindowRequest {
  const named = request.limits
  const usual = request.cost === 0 ? 0 : limit.cost // a request that only reads takes nothing
  return {
    // buckets of a window of another length cover other times
    key: `${record.lineageId}:${limit.name}:${limit.window_seconds}`,
    windowMs: limit.window_seconds * 1000,
    limit: limit.limit,
    cost: (named && Object.hasOwn(named, limit.name) ? named[limit.name] : undefined) ?? usual,
  }
}

function listVersions(record: KeyRecord) {
  return [
    { key: keyVersionKey(record.keyId), version: record.version },
    { key: organizationVersionKey(record.organizationId), version: record.organizationVersion },
  ]
}
