import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import type { Deps } from '../../src/deps.ts'
import type { Period } from '../../src/lib/period.ts'
import type { LimitRequest, Recorded } from '../../src/limits/limit-request.ts'
import type { UsageEvent } from '../../src/metering/event.ts'
import type { VerifyRequest } from '../../src/verification/input.ts'
import { bodyOf } from './broken-stores.ts'
import { ownModules } from './own-modules.ts'

/**
 * The modules of the hot path, loaded again: with caches of its own, as another isolate of a deployment has them. Time
 * can be moved, its outgoing requests are counted, and its variables can differ.
 */
export async function newIsolate(variables: Record<string, unknown> = {}) {
  const load = ownModules()
  const modules = await load(async () => {
    const loaded = {
      ...(await import('../../src/create-deps.ts')),
      ...(await import('../../src/verification/verify.ts')),
      ...(await import('../../src/limits/leases.ts')),
      ...(await import('../../src/usage/reservations/reserve.ts')),
      ...(await import('../../src/usage/reservations/settle.ts')),
      ...(await import('../../src/usage/reservations/schemas.ts')),
      ...(await import('../../src/problems.ts')),
      ...(await import('../../src/metering/record.ts')),
      ...(await import('../../src/usage/reporting/ingest.ts')),
    }
    await (await import('../../src/lib/lazily.ts')).loadEverything()
    return loaded
  })
  const { createDeps, verifyKey, consumeLeased, BOUND_WORKER, reserve } = modules
  const { settle, ReserveBody, SettleBody, parseInput, recordUsage, ingestUsage } = modules
  const ownEnv = { ...env, ...variables }
  const deferred: Promise<unknown>[] = []
  const underway = new Set<Promise<unknown>>()
  let offsetMs = 0
  let skewMs = 0
  let isDead = false

  function defer(work: Promise<unknown>) {
    const end = () => underway.delete(work)
    deferred.push(work)
    underway.add(work)
    void work.then(end, end)
  }

  const alive = <Store>(store: Store): Store => {
    if (isDead) throw new TypeError('This isolate is dead.')
    return store
  }

  /** Deps as each request gets them. */
  function deps(): Deps {
    const made = createDeps(ownEnv, { waitUntil: defer })
    made.budget.lift() // time is moved in tests
    return {
      ...made,
      get sql() {
        return alive(made.sql)
      },
      get redis() {
        return alive(made.redis)
      },
      now: () => Date.now() + offsetMs + skewMs,
      redisAheadMs: offsetMs,
    }
  }

  return {
    deps,
    /** Imports a module of this isolate, with the state that its other modules share. */
    load,
    verify: (key: string, more: Partial<VerifyRequest> = {}) =>
      verifyKey(deps(), { key, cost: 1, scopes: [], ...more }, { requestId: crypto.randomUUID() }),
    consumeLeased: (claim: LimitRequest) => consumeLeased(deps(), claim),
    settle: (input: unknown) => settle(deps(), parseInput(SettleBody, input), null),
    report: (events: readonly object[]) => ingestUsage(deps(), { events }, { organizationId: null }),
    reserve: (input: unknown) => reserve(deps(), parseInput(ReserveBody, input), BOUND_WORKER),
    record: (event: UsageEvent) => recordUsage(deps(), event),
    advance: (ms: number) => {
      offsetMs += ms
    },
    /** Skews its own clock: time does not move with it. */
    skew: (ms: number) => {
      skewMs = ms
    },
    now: () => Date.now() + offsetMs,
    aheadMs: () => offsetMs,
    /** Deferred work that has not ended yet. */
    underway: (): readonly Promise<unknown>[] => [...underway],
    /** From now on nothing of it reaches a store: its memory is lost, and its timers do nothing. */
    die: () => {
      isDead = true
    },
    /** A restart in which nothing of the last life continues. The state of its modules stays. */
    revive: () => {
      isDead = false
      deferred.length = 0
      underway.clear()
    },
    /** Waits for all deferred work. */
    async settled() {
      while (deferred.length > 0) await Promise.all(deferred.splice(0))
    },
  }
}

export type Isolate = Awaited<ReturnType<typeof newIsolate>>

/** The requested units, and of which limits. */
interface Asked {
  readonly windowKey: string
  readonly limit: number
  readonly organizationId: string
  readonly period: Period
  readonly quota: number
  readonly cost: number
  /** The use that Postgres has, and whether that was just read. */
  readonly recorded?: Recorded
  readonly isFresh?: boolean
}

/** A claim that a lease can serve, at the isolate's own time: of one window of a minute, and of a quota. */
export function claimOf(isolate: Isolate, asked: Asked): LimitRequest {
  const { windowKey, limit, organizationId, period, quota, cost } = asked
  const { recorded = { api_calls: 0 }, isFresh = true } = asked
  const { now, redisAheadMs } = isolate.deps()
  return {
    now: now(),
    aheadMs: redisAheadMs,
    organizationId,
    windows: [{ key: windowKey, windowMs: 60_000, limit, cost }],
    quota: {
      organizationId,
      period,
      meters: [{ meter: 'api_calls', amount: cost, limit: quota }],
      recorded,
      isFresh,
    },
    versions: [],
  }
}

/** Of a period without priced calls. */
export const NO_CHARGES = { even_charges: '0', odd_charges: '0' } as const

/** In what steps time goes on while timers wait for it. */
const TICK_MS = 100
/** Of the time that nobody moves. */
const realTimeout = globalThis.setTimeout.bind(globalThis)
const aMoment = () => new Promise((resolve) => realTimeout(resolve, 1))

/**
 * Moves time for isolates that have always been moved together, and their timers with it. It goes by what the test says,
 * and by real time only where that took longer. Ends with `vi.useRealTimers()`.
 */
export function moveTime(isolates: readonly [Isolate, ...Isolate[]]) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const clock = () => isolates[0].now()
  let planned = clock()
  let timersAt = planned

  /** Waits for everything that waits for no timer, or starts to wait for one: each lease does. */
  async function idle() {
    const underway = () => isolates.flatMap((isolate) => isolate.underway())
    while (underway().length > vi.getTimerCount()) await Promise.race([...underway(), aMoment()])
  }

  async function until(at: number) {
    planned = at
    do {
      const left = Math.max(0, planned - clock())
      const step = vi.getTimerCount() === 0 ? left : Math.min(left, TICK_MS)
      for (const isolate of isolates) isolate.advance(step)
      const now = clock()
      vi.advanceTimersByTime(now - timersAt)
      timersAt = now
      await idle()
    } while (clock() < planned)
  }

  /** By that much from now, also where real time has overtaken what was planned: timers of that long end. */
  const advance = (ms: number) => until(Math.max(planned, clock()) + ms)

  return { planned: () => planned, until, advance, idle }
}

/** Part of the statement that writes usage. A batch of events is due 100 ms after its first one; later on a busy machine. */
export const USAGE_WRITE = 'select * from record_'

/** The statement by which an isolate writes its metrics, every ten seconds. */
const METRICS_WRITE = 'insert into metric_counters'

/** What a script's first run in a new Redis costs besides. */
const SCRIPT_SENT = '["eval","#!lua'

/**
 * Counts the requests to each store while `work` runs, without writes of metrics and of usage: an isolate makes those in the
 * background, when its timers say so.
 */
export async function countTrips(work: () => Promise<unknown>) {
  const sent = await requestsDuring(work)
  const ignored = [METRICS_WRITE, SCRIPT_SENT, USAGE_WRITE]
  const counted = sent.filter(({ body }) => !ignored.some((part) => body.includes(part)))
  return {
    sql: counted.filter(({ url }) => url.includes('/sql')).length,
    redis: counted.filter(({ url }) => url.includes('/redis')).length,
  }
}

/** Counts the writes of usage while `work` runs. A write that is sent again, as after three slow seconds, counts once. */
export async function countUsageWrites(work: () => Promise<unknown>) {
  const sent = await requestsDuring(work)
  return new Set(sent.flatMap(({ body }) => (body.includes(USAGE_WRITE) ? [body] : []))).size
}

async function requestsDuring(work: () => Promise<unknown>) {
  const spy = vi.spyOn(globalThis, 'fetch')
  try {
    await work()
    return spy.mock.calls.map(([input, init]) => ({
      url: String(input instanceof Request ? input.url : input),
      body: bodyOf(init),
    }))
  } finally {
    spy.mockRestore()
  }
}

/** A second Redis database, which has about half of the organizations. */
export const TWO_DATABASES = {
  REDIS_SHARDS: JSON.stringify([{ url: `${env.STACK_URL}/redis-2`, token: env.UPSTASH_REDIS_REST_TOKEN }]),
}

/** Where no store answers: one that is down. */
export const NOWHERE = `${env.STACK_URL}/nowhere`
