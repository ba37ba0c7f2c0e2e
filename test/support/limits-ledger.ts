/** What really happened in a random history, recorded next to the code's counts (test/isolates/limits/simulation.test.ts). */
import { expect } from 'vitest'
import type { Deps } from '../../src/deps.ts'
import { type Period, toMonth } from '../../src/lib/period.ts'
import { holdUnits, releaseHold } from '../../src/limits/holds/holds.ts'
import { holdsKey, quotaKey } from '../../src/limits/limit-request.ts'
import { BUCKETS } from '../../src/limits/window.ts'
import { syncCounters, toRecorded } from '../../src/metering/raise-counters.ts'
import { reconcile } from '../../src/metering/reconcile-counters.ts'
import { BUCKET_MS, type Hold, MINUTE, type Settlement, type Step, type World } from './histories.ts'
import { claimOf, type Isolate, NO_CHARGES } from './isolate.ts'
import { readQuota } from './quota.ts'
import { readWindow } from './windows.ts'

export const LEASE_MS = 1_500
/** The part of the rest that one lease may have. */
const SHARE = 0.05
/** Times are read here and in Redis, to the millisecond. */
const CLOCK_MS = 20
/** Units return up to one bucket late, and count in the bucket of their lease's end even if spent at its start. */
const LONGEST_MS = MINUTE + BUCKET_MS + LEASE_MS + CLOCK_MS
/** One by one until a refusal: nothing is left then, and few requests were needed. */
const FLOOD = [64, 16, 4, 1]

/** What was admitted or refused at some moment from `from` to `to`. */
export interface Asked {
  readonly from: number
  readonly to: number
  readonly cost: number
  readonly outcome: string
  /** Units of the quota that others may have held then. */
  readonly mayBeHeld: number
  readonly by?: Isolate
}

interface Alone extends Asked {
  /** Whether the isolate has had a response since: then the counters of Redis contain it. */
  isCarried: boolean
}

export interface Key {
  readonly windowKey: string
  readonly limit: number
  /** By the counters of Redis. */
  readonly admitted: Asked[]
  /** By an isolate without a response from Redis. */
  readonly alone: Alone[]
}

/** Units that are held until they are settled, or until it expires. */
interface Held {
  readonly id: string
  readonly amount: number
  readonly expiresAt: number
}

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const unitsOf = (asked: readonly Asked[]) => sum(asked.map(({ cost }) => cost))

/** The maximum that was surely admitted in a stretch of a window's length, wherever it begins. */
export const mostWithin = (windowMs: number, admitted: readonly Asked[]) =>
  Math.max(
    0,
    ...admitted.map(({ from: start }) =>
      unitsOf(admitted.filter(({ from, to }) => from >= start && to < start + windowMs - CLOCK_MS)),
    ),
  )

export const mayCount = ({ admitted }: Key, at: number) => unitsOf(admitted.filter(({ to }) => to >= at - LONGEST_MS))
export const mustCount = ({ admitted, alone }: Key, at: number) =>
  unitsOf([...admitted, ...alone.filter(({ isCarried }) => isCarried)].filter(({ from }) => from >= at - MINUTE))

/** What goes on in another usage period of the same organization: rate limits know of no period. */
interface Shared {
  readonly organizationId: string
  readonly keys: Key[]
  readonly period: Period
}

/** Two keys of one organization, and everything admitted, held and settled for them in a usage period. */
export function begin(
  isolates: readonly [Isolate, ...Isolate[]],
  { limits, quota, skews, isTroubled }: World,
  shared?: Shared,
) {
  const [first] = isolates
  const clock = () => first.now()
  const organizationId = shared?.organizationId ?? crypto.randomUUID()
  const alive = { ...first.deps() } // stores of its own: the first isolate may die
  const redis = alive.redis.of(organizationId)
  const sql = { query: () => Promise.resolve([row()]) } as unknown as Deps['sql']
  const deps = () => ({ ...alive, sql, redisAheadMs: first.aheadMs() })
  const month = toMonth(clock())
  const period = shared?.period ?? { ...month, end: clock() + 1_000 * MINUTE }
  const { name, start } = period
  /** What Postgres holds: calls by the lane that counted them, and reported ones. */
  const recorded = { lanes: [0, 0] as [number, number], reported: 0 }
  const keys =
    shared?.keys ?? limits.map((limit): Key => ({ windowKey: crypto.randomUUID(), limit, admitted: [], alone: [] }))
  /** What Postgres could not take yet, each batch until it was drained; and those that it has taken. */
  const spool: { readonly units: number; readonly write: () => void }[] = []
  const written = new Set<object>()
  /** Abandoned, and not run yet. */
  const late: { readonly units: number; readonly write: () => void }[] = []
  let postgres: Step['postgres']
  const waiting = () => sum(spool.filter((batch) => !written.has(batch)).map(({ units }) => units))
  const aloneOnes = () => keys.flatMap(({ alone }) => alone)
  const open = new Map<string, Held>()
  /** Settled beyond what was held: all of it if the hold had expired. */
  let beyond = 0
  for (const [at, isolate] of isolates.entries()) isolate.skew(skews[at] ?? 0)

  const amountOf = (holds: readonly Held[]) => sum(holds.map(({ amount }) => amount))
  /** Units of holds that may be open at that moment or later. */
  const heldSince = (at: number) => amountOf([...open.values()].filter(({ expiresAt }) => expiresAt > at - CLOCK_MS))

  async function take(isolate: Isolate, key: Key, cost: number): Promise<Asked> {
    const from = clock()
    const mayBeHeld = heldSince(from)
    const { windowKey, limit } = key
    const claim = { windowKey, limit, organizationId, period, quota, cost }
    let admission = await isolate.consumeLeased(claimOf(isolate, { ...claim, isFresh: false }))
    if (admission.outcome === 'unseeded')
      admission = await isolate.consumeLeased(claimOf(isolate, { ...claim, recorded: toRecorded(row()) }))
    const { outcome } = admission
    const asked = { from, to: clock(), cost, outcome, mayBeHeld, by: isolate }
    if (outcome !== 'admitted') return asked
    const lane = 'generation' in admission ? (((admission.generation ?? 0) % 2) as 0 | 1) : undefined
    const write = () => {
      if (lane === undefined) recorded.reported += cost
      else recorded.lanes[lane] += cost
    }
    store({ units: cost, write })
    if ('isLocal' in admission) key.alone.push({ ...asked, isCarried: false })
    else key.admitted.push(asked)
    return asked
  }

  /** Writes to Postgres in its current state: failed writes wait in the spool, and count once. */
  function store(batch: { readonly units: number; readonly write: () => void }) {
    if (postgres !== undefined) spool.push(batch)
    if (postgres === 'late') late.push(batch)
    if (postgres === undefined || postgres === 'lose') writeOnce(batch)
  }

  function writeOnce(batch: { readonly write: () => void }) {
    if (!written.has(batch)) batch.write()
    written.add(batch)
  }

  /** Requests nothing, now that Redis responds: local admissions are counted first. */
  async function look(isolate: Isolate) {
    await take(isolate, keys[0] as Key, 0)
    for (const asked of aloneOnes()) if (asked.by === isolate) asked.isCarried = true
  }

  async function flood(isolate: Isolate, key: Key): Promise<Asked[]> {
    const refused: Asked[] = []
    for (const cost of FLOOD) {
      let asked = await take(isolate, key, cost)
      while (asked.outcome === 'admitted') asked = await take(isolate, key, cost)
      refused.push(asked)
    }
    return refused
  }

  const row = () => ({
    organization_id: organizationId,
    period_start: start,
    api_calls: sum(recorded.lanes) + recorded.reported,
    even_calls: recorded.lanes[0],
    odd_calls: recorded.lanes[1],
    ...NO_CHARGES,
    queries: 0,
    tokens: 0,
    cost_usd: '0',
  })

  /** Where they fit, so that nothing but verifications may pass the quota. */
  async function report(calls: number, raises: number) {
    const { used, held } = await counted()
    if (used === 0 || used + held + calls > quota) return // without a counter nothing is raised
    recorded.reported += calls
    await Promise.all(Array.from({ length: raises }, () => syncCounters(deps(), [row()])))
  }

  /** @returns its outcome, with the moment before it */
  async function hold({ units, ms }: Hold): Promise<Asked> {
    const from = clock()
    const mayBeHeld = heldSince(from)
    const id = crypto.randomUUID()
    open.set(id, { id, amount: units, expiresAt: Number.POSITIVE_INFINITY })
    const answer = await holdUnits(deps(), {
      id,
      quota: {
        organizationId,
        period,
        meters: [{ meter: 'api_calls', amount: units, limit: quota }],
        recorded: toRecorded(row()),
        isFresh: true,
      },
      gauges: {},
      versions: [{ key: `version:organization:${organizationId}`, version: 1 }],
      ms,
    })
    if (answer.outcome === 'held') open.set(id, { id, amount: answer.amounts[0] ?? 0, expiresAt: answer.expiresAt })
    else open.delete(id)
    const outcome = answer.outcome === 'exceeded' ? 'quota_exceeded' : answer.outcome
    return { from, to: clock(), cost: units, outcome, mayBeHeld }
  }

  /** In Postgres first, like the code; a canceled one is not recorded. */
  async function settleHold({
    which,
    part,
    times,
  }: Settlement): Promise<'canceled' | 'settled' | 'settled_late' | undefined> {
    const held = [...open.values()][which % Math.max(1, open.size)]
    if (!held) return undefined
    const units = Math.round(held.amount * part)
    recorded.reported += units
    const wasOpen = clock() < held.expiresAt - CLOCK_MS
    beyond += wasOpen ? Math.max(0, units - held.amount) : units
    const release = { organizationId, period: name, holdId: held.id, recorded: part > 0 ? toRecorded(row()) : {} }
    const released = await Promise.all(Array.from({ length: times }, () => releaseHold(deps(), release)))
    open.delete(held.id)
    if (wasOpen) expect(released.filter(Boolean), 'released once').toHaveLength(1)
    if (part === 0) return 'canceled'
    return wasOpen ? 'settled' : 'settled_late'
  }

  /** Each batch is written once and then removed, though two concurrent runs read it. */
  async function drain() {
    const batches = [...spool]
    for (const batch of batches) writeOnce(batch)
    await syncCounters(deps(), [row()])
    for (const batch of batches) if (spool.includes(batch)) spool.splice(spool.indexOf(batch), 1)
  }

  const isSpoolEmpty = () => spool.length === 0
  const settle = () =>
    Promise.all([
      reconcile(deps(), row(), { wasAllWritten: isSpoolEmpty() }),
      reconcile(deps(), row(), { wasAllWritten: isSpoolEmpty() }),
    ])
  async function counted() {
    const { api_calls: used = 0, 'held:api_calls': held = 0 } = await readQuota(redis, quotaKey(organizationId, name))
    return { used, held }
  }

  /** What the window's counter holds, in buckets that still count. */
  async function countedIn({ windowKey }: Key) {
    const { buckets } = await readWindow(redis, windowKey)
    const oldest = Math.floor(clock() / BUCKET_MS) - BUCKETS
    return sum([...buckets].flatMap(([bucket, units]) => (bucket >= oldest ? [units] : [])))
  }

  return {
    clock,
    organizationId,
    keys,
    take,
    flood,
    countedIn,
    report,
    settle,
    hold,
    settleHold,
    counted,
    /** What all leases, one of each isolate, may have of a key's limit; of a dead one it may stay for good. Lost answers may have taken anything. */
    mostLent: ({ limit }: Key) => (isTroubled ? Number.POSITIVE_INFINITY : isolates.length * SHARE * limit),
    look,
    drain: () => Promise.all([drain(), drain()]),
    isSpoolEmpty,
    /** Sets Postgres' state from now on; late writes have arrived. */
    setPostgres: (how: Step['postgres']) => {
      for (const batch of late.splice(0)) writeOnce(batch)
      postgres = how
    },
    total: () => row().api_calls + waiting(),
    alone: () => unitsOf(aloneOnes()),
    /** Admitted locally by isolates without a response from Redis since. */
    uncarried: () => unitsOf(aloneOnes().filter(({ isCarried }) => !isCarried)),
    admittedBy: (isolate: Isolate) =>
      unitsOf(keys.flatMap(({ admitted, alone }) => admitted.concat(alone)).filter(({ by }) => by === isolate)),
    beyond: () => beyond,
    /** Used and held: what is carried, and what lost answers took, may pass the quota. */
    mostCounted: () => (isTroubled ? Number.POSITIVE_INFINITY : quota + beyond),
    /** Units of holds that are surely open. */
    mustHold: () => amountOf([...open.values()].filter(({ expiresAt }) => expiresAt > clock() + CLOCK_MS)),
    /** Units of holds that nobody has settled: expired ones count until somebody looks. */
    mayHold: () => amountOf([...open.values()]),
    holdsLeft: () => redis.hlen(holdsKey(organizationId, name)),
  }
}

export type Simulated = ReturnType<typeof begin>
