/**
 * Units that an isolate admitted locally, until they are carried to Redis (limits/outage/carry.ts). They are kept as sums by counter and
 * time, so their size depends on how many counters there are, not on how many requests took units. A limit per subject has a counter for
 * each subject, so the number of counters is bounded. Pure.
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

/** Of one owner: windows and counters. Beyond this, those that took no units for longest are dropped. Quotas and balances never are. */
const MAX_COUNTERS = 20_000

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
  /** Keys of windows and counters: those that took no units for longest first. */
  readonly #keys = new Set<string>()
  readonly #onDropped: (dropped: LocalAdmission) => void

  /** @param onDropped gets units of counters beyond the maximum */
  constructor(onDropped: (dropped: LocalAdmission) => void) {
    this.#onDropped = onDropped
  }

  get isEmpty(): boolean {
    return this.#sums.size === 0
  }

  /** Unix milliseconds of the oldest sum. */
  get oldestAt(): number | undefined {
    return this.#sums.values().next().value?.now
  }

  add(admission: LocalAdmission): void {
    this.#addIn(admission, STEP_MS)
    for (const key of listKeys(admission)) {
      this.#keys.delete(key)
      this.#keys.add(key)
    }
    for (const key of this.#keys) {
      if (this.#keys.size <= MAX_COUNTERS) break
      for (const dropped of this.#takeUnits(new Set([key]))) this.#onDropped(dropped)
    }
    if (this.#sums.size >= this.#compactAt) this.#compact(admission.request.now)
  }

  /** Takes out all units of some windows and counters, the oldest first. All quotas and balances come with the first of them. */
  take(maxCounters: number): LocalAdmission[] {
    const quotas = [...this.#sums.values()].flatMap(takeQuota)
    const units = this.#takeUnits(new Set(this.#keys.values().take(maxCounters)))
    if (this.isEmpty) this.#compactAt = MAX_NEW_SUMS
    return [...quotas, ...units]
  }

  #takeUnits(keys: ReadonlySet<string>): LocalAdmission[] {
    const taken: LocalAdmission[] = []
    for (const [slot, sum] of this.#sums) {
      const [windows, counters] = [takeKeys(sum.windows, keys), takeKeys(sum.counters, keys)]
      if (windows.length + counters.length > 0)
        taken.push({ request: { now: sum.now, windows, counters }, generation: sum.generation })
      if (sum.windows.size + sum.counters.size + sum.meters.size === 0) this.#sums.delete(slot)
    }
    for (const key of keys) this.#keys.delete(key)
    return taken
  }

  #addIn(admission: LocalAdmission, stepMs: number): void {
    const slot = `${stepMs} ${Math.floor(admission.request.now / stepMs)} ${toSlot(admission) ?? ''}`
    const known = this.#sums.get(slot)
    if (known) addTo(known, admission)
    else this.#sums.set(slot, toSum(admission))
  }

  #compact(now: number): void {
    const all = [...this.#sums.values()]
    this.#sums = new Map()
    for (const sum of all) this.#addIn(toAdmission(sum), now - sum.now > OLD_MS ? OLD_MS : STEP_MS)
    this.#compactAt = this.#sums.size + MAX_NEW_SUMS
  }
}

const listKeys = ({ request: { windows, counters = [] } }: LocalAdmission): string[] =>
  [...windows, ...counters.filter(({ balance }) => !balance)].flatMap(({ key, cost }) => (cost > 0 ? [key] : []))

function takeKeys<Units>(sums: Map<string, Units>, keys: ReadonlySet<string>): Units[] {
  const taken: Units[] = []
  for (const key of keys.size < sums.size ? keys : [...sums.keys()].filter((one) => keys.has(one))) {
    const units = sums.get(key)
    if (units !== undefined) taken.push(units)
    sums.delete(key)
  }
  return taken
}

/** Balances count in the generation of a quota, so they are taken with it. */
function takeQuota(sum: Sum): LocalAdmission[] {
  const balances = [...sum.counters].filter(([, { balance }]) => balance)
  const taken = toAdmission({ ...sum, windows: new Map(), counters: new Map(balances) })
  sum.meters.clear()
  for (const [key] of balances) sum.counters.delete(key)
  return taken.request.quota ? [taken] : []
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
