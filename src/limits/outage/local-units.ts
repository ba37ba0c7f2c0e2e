/**
 * Units that an isolate admitted locally, until they are carried to Redis (limits/outage/carry.ts). They are kept as sums by counter and
 * time, so their size depends on how many counters there are, not on how many requests took units. Pure.
 */
import { type LimitRequest, type MeterRequest, type QuotaRequest, quotaKey } from '../limit-request.ts'

/** The units that one request took, or many together. */
export interface TakenUnits extends Pick<LimitRequest, 'now' | 'quota' | 'counters'> {
  readonly windows: readonly LimitRequest['windows'][number][]
}

export interface LocalAdmission {
  readonly request: TakenUnits
  /** The last generation of the quota's counter that this isolate received, if any. */
  readonly generation: number | undefined
}

/** Units that were admitted within one such step are one sum. */
const STEP_MS = 1_000
/** Units older than this are summed in steps of this length: Postgres has them, or will have them much later. */
const OLD_MS = 60_000
/** How many further sums there may be until old ones are put together. */
const MAX_NEW_SUMS = 120

/** The sums of one step, in one generation of one quota. */
interface Sum {
  /** Unix milliseconds of the latest admission. */
  now: number
  readonly generation: number | undefined
  readonly quota: QuotaRequest | undefined
  readonly windows: Map<string, TakenUnits['windows'][number]>
  readonly meters: Map<string, MeterRequest>
  readonly counters: Map<string, NonNullable<TakenUnits['counters']>[number]>
}

/** The units of one owner that were admitted and not taken out yet. */
export class LocalUnits {
  #sums = new Map<string, Sum>()
  #compactAt = MAX_NEW_SUMS

  get isEmpty(): boolean {
    return this.#sums.size === 0
  }

  add(admission: LocalAdmission): void {
    this.#addIn(admission, STEP_MS)
    if (this.#sums.size >= this.#compactAt) this.#compact(admission.request.now)
  }

  list(): LocalAdmission[] {
    return [...this.#sums.values()].map(toAdmission)
  }

  /** Lists everything, and keeps nothing. */
  takeAll(): LocalAdmission[] {
    const all = this.list()
    this.#sums = new Map()
    this.#compactAt = MAX_NEW_SUMS
    return all
  }

  #addIn(admission: LocalAdmission, stepMs: number): void {
    const slot = `${stepMs} ${Math.floor(admission.request.now / stepMs)} ${toSlot(admission) ?? ''}`
    const known = this.#sums.get(slot)
    if (known) addTo(known, admission)
    else this.#sums.set(slot, toSum(admission))
  }

  #compact(now: number): void {
    for (const admission of this.takeAll())
      this.#addIn(admission, now - admission.request.now > OLD_MS ? OLD_MS : STEP_MS)
    this.#compactAt = this.#sums.size + MAX_NEW_SUMS
  }
}

function toSum(admission: LocalAdmission): Sum {
  const { request, generation } = admission
  const sum = {
    now: request.now,
    generation,
    quota: request.quota,
    windows: new Map(),
    meters: new Map(),
    counters: new Map(),
  }
  addTo(sum, admission)
  return sum
}

function addTo(sum: Sum, { request: { now, windows, quota, counters = [] } }: LocalAdmission): void {
  sum.now = Math.max(sum.now, now)
  for (const window of windows) addCost(sum.windows, window)
  for (const counter of counters) addCost(sum.counters, counter)
  for (const meter of quota?.meters ?? []) addAmount(sum.meters, meter)
}

function addCost<Counter extends { key: string; cost: number }>(sums: Map<string, Counter>, counter: Counter): void {
  const { key, cost } = counter
  if (cost > 0) sums.set(key, { ...counter, cost: cost + (sums.get(key)?.cost ?? 0) })
}

function addAmount(sums: Sum['meters'], meter: MeterRequest): void {
  const { meter: name, amount } = meter
  if (amount > 0) sums.set(name, { ...meter, amount: amount + (sums.get(name)?.amount ?? 0) })
}

function toAdmission({ now, generation, quota, windows, meters, counters }: Sum): LocalAdmission {
  const request = {
    now,
    windows: [...windows.values()],
    counters: [...counters.values()],
    ...(quota && { quota: { ...quota, meters: [...meters.values()] } }),
  }
  return { request, generation }
}

/** A quota and the generation that counts an admission. */
export function toSlot({ request: { quota }, generation = -1 }: LocalAdmission): string | undefined {
  return quota && `${quotaKey(quota.organizationId, quota.period.name)} ${generation}`
}
