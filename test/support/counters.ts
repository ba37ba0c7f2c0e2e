/** A counter of its own, in an organization without limits, over the real scripts (test/isolates/limits/counters.test.ts). */
import { expect } from 'vitest'
import { admit } from '../../src/limits/admission.ts'
import type { CounterRequest } from '../../src/limits/counter.ts'
import {
  countUsed,
  extendHold,
  type HeldCounter,
  holdUnits,
  releaseHold,
  type UsedCounter,
} from '../../src/limits/holds/holds.ts'
import type { LimitRequest } from '../../src/limits/limit-request.ts'
import type { Isolate } from './isolate.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
export const unique = () => crypto.randomUUID()

/** Counters of one isolate: of a calendar period, of a rolling minute, and of slots. */
export const countersOf = (isolate: Isolate) => ({
  newPeriod: (limit: number) => worldOf(isolate, { limit, key: `limit:${unique()}`, until: Date.now() + DAY }),
  newWindow: (limit: number) => worldOf(isolate, { limit, key: `limit:${unique()}`, windowMs: MINUTE }),
  newSlots: (limit: number) => worldOf(isolate, { limit, key: `slots:${unique()}` }),
})

function worldOf(isolate: Isolate, counter: Omit<CounterRequest, 'cost'>) {
  const organizationId = unique()
  const period = { name: '2026-11', start: 0, end: Date.now() + 30 * DAY }
  let ahead = 0
  const deps = () => ({ ...isolate.deps(), redisAheadMs: ahead, now: () => Date.now() + ahead })
  const quota = { organizationId, period, meters: [], recorded: { api_calls: 0 }, isFresh: true }

  const hold = (cost: number, { id = unique(), ms = MINUTE, ...more }: Partial<HeldCounter & Asked> = {}) =>
    holdUnits(deps(), {
      id,
      quota: more.tokens === undefined ? quota : { ...quota, meters: [tokens(more.tokens, more.tokensLeft ?? null)] },
      gauges: {},
      versions: [{ key: `version:organization:${organizationId}`, version: 1 }],
      ms,
      counters: [{ ...counter, cost, ...(more.meter && { meter: more.meter }) }],
    })

  const settle = (holdId: string, amount: number, more: Partial<UsedCounter & { isNew: boolean }> = {}) => {
    const { isNew = false, ...changes } = more
    const counters = [{ ...counter, cost: 0, amount, ...changes }]
    return releaseHold(deps(), { organizationId, period: period.name, holdId, recorded: {}, counters, isNew })
  }

  const ask = (cost: number, more: Partial<CounterRequest> = {}) =>
    admit(deps().redis.of(organizationId), {
      now: deps().now(),
      aheadMs: ahead,
      organizationId,
      windows: [{ key: unique(), windowMs: MINUTE, limit: 1_000, cost: 1 }],
      counters: [{ ...counter, cost, ...more }],
      versions: [],
    } satisfies LimitRequest)

  return {
    deps,
    organizationId,
    period,
    counter,
    hold,
    settle,
    ask,
    count: (amount: number, batch = unique()) =>
      countUsed(deps(), { batch, organizationId, counters: [{ ...counter, cost: 0, amount }] }),
    /** @param told when the corrected use was counted */
    correct: (amount: number, told: number, { heldMs = 0, batch = unique(), since = told, isNew = false } = {}) =>
      countUsed(deps(), {
        batch,
        organizationId,
        counters: [{ ...counter, cost: 0, amount, corrects: { told, since, heldMs, isInSeed: false, isNew } }],
      }),
    extend: (holdId: string, ms: number) =>
      extendHold(deps(), { organizationId, period: period.name, holdId }, { ms, counters: [{ ...counter, cost: 0 }] }),
    advance: (ms: number) => {
      ahead += ms
    },
    now: () => Date.now() + ahead,
    /** The counter's reading, as a verification that consumes nothing sees it. */
    async read() {
      const admission = await ask(0)
      const [state] = 'counters' in admission ? (admission.counters ?? []) : []
      return state
    },
  }
}

interface Asked {
  readonly id: string
  readonly ms: number
  readonly tokens: number
  readonly tokensLeft: number
}

const tokens = (amount: number, limit: number | null) => ({ meter: 'tokens', amount, limit }) as const
/** When a refused request will fit. */
export async function resetOf(asked: Promise<object>): Promise<number> {
  const admission = await asked
  expect(admission).toMatchObject({ outcome: 'counter_exceeded' })
  const [state] = (admission as { counters: { reset: number | null }[] }).counters
  return state?.reset ?? -1
}
