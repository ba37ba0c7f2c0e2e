/**
 * Random histories over the end of a usage period, by isolates whose clocks are half a minute wrong: for a minute some of
 * them still count in the old period while others count in the new one. The acts are those of simulation.test.ts.
 */
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { periodNamed } from '../../../src/lib/period.ts'
import { BUCKET_MS, EXAMPLES, histories, MINUTE, type Step, type World, worlds } from '../../support/histories.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { type Isolate, moveTime, newIsolate } from '../../support/isolate.ts'
import { begin, type Key, LEASE_MS, mostWithin, type Simulated, sum } from '../../support/limits-ledger.ts'

const SETTLED_AFTER_MS = 91_000
const DAY_MS = 86_400_000

const isolates: readonly [Isolate, ...Isolate[]] = [await newIsolate(), await newIsolate(), await newIsolate()]
const clock = () => isolates[0].now()
type Time = ReturnType<typeof moveTime>

/** What happened in any of the histories. */
const seen = { in_both: 0, held_over_the_end: 0, settled_after_the_end: 0, reported_late: 0, lent_over_the_end: 0 }

/** The same organization and keys in two periods, the second of which begins at a moment. */
function beginBoth(world: World, endsAt: number) {
  const periods = [
    { name: periodNamed(endsAt - 30 * DAY_MS), start: endsAt - 30 * DAY_MS, end: endsAt },
    { name: periodNamed(endsAt), start: endsAt, end: endsAt + 30 * DAY_MS },
  ] as const
  const { organizationId, keys } = begin(isolates, world)
  const [old, next] = periods.map((period) => begin(isolates, world, { organizationId, keys, period }))
  return { old: old as Simulated, next: next as Simulated, keys }
}

type Both = ReturnType<typeof beginBoth>

/** The period by an isolate's own clock. */
const current = ({ old, next }: Both, isolate: Isolate, endsAt: number) => (isolate.deps().now() < endsAt ? old : next)

/** The count equals what was admitted and leased, in each period separately. */
async function checkCounters({ old, next, keys }: Both) {
  const mayBeLent = sum(keys.map(old.mostLent))
  for (const ledger of [old, next]) {
    const { used, held } = await ledger.counted()
    expect(used).toBeGreaterThanOrEqual(ledger.total())
    expect(used).toBeLessThanOrEqual(ledger.total() + mayBeLent)
    expect(held).toBeGreaterThanOrEqual(ledger.mustHold())
    expect(held).toBeLessThanOrEqual(ledger.mayHold())
  }
}

async function act(both: Both, isolate: Isolate, endsAt: number, step: Step) {
  const { old, next } = both
  const ledger = current(both, isolate, endsAt)
  const key = both.keys[step.key] as Key
  const isOver = clock() >= endsAt
  await Promise.all(step.costs.slice(0, 8).map((cost) => ledger.take(isolate, key, cost)))
  if (step.hold) await ledger.hold(step.hold)
  if (step.settlement) {
    const settled = await old.settleHold(step.settlement)
    if (settled && isOver) seen.settled_after_the_end++
    else await next.settleHold(step.settlement)
  }
  if (step.reports > 0) {
    const late = isOver && step.raises === 0 // with the timestamp of a call of the old period
    if (late) seen.reported_late++
    await (late ? old : ledger).report(step.reports, step.raises + 1)
  }
}

async function live(both: Both, history: readonly Step[], endsAt: number, time: Time) {
  const { old, next } = both
  for (const step of history) {
    const wasOver = clock() >= endsAt
    const lent = (await old.counted()).used - old.total()
    await time.until(time.planned() + Math.min(step.pauseMs, 6_000))
    if (!wasOver && clock() >= endsAt) {
      if (lent > 0) seen.lent_over_the_end++
      if (old.mayHold() > 0) seen.held_over_the_end++
    }
    for (const ledger of [old, next]) {
      if (step.drains) await ledger.drain()
      if (step.reconciles) await ledger.settle()
      ledger.setPostgres(step.postgres)
    }
    await act(both, isolates[step.by] as Isolate, endsAt, step)
    await time.idle()
    await checkCounters(both)
  }
}

/** After all leases and holds ended, Redis, Postgres and the admitted units agree in each period. */
async function checkEnd({ old, next, keys }: Both, { quota }: World, time: Time) {
  await time.until(clock() + LEASE_MS)
  for (const ledger of [old, next]) {
    ledger.setPostgres(undefined)
    await ledger.drain()
  }
  for (let runs = 0; runs < 4; runs++) {
    await time.until(clock() + SETTLED_AFTER_MS)
    for (const ledger of [old, next]) await ledger.settle()
  }
  for (const ledger of [old, next]) {
    await ledger.take(isolates[0], keys[0] as Key, 0) // a read drops the expired holds
    expect(await ledger.counted()).toEqual({ used: ledger.total(), held: 0 })
    expect(await ledger.holdsLeft()).toBe(0)
    expect(ledger.total()).toBeLessThanOrEqual(quota + ledger.beyond())
  }
  for (const { admitted, limit } of keys) expect(mostWithin(MINUTE, admitted)).toBeLessThanOrEqual(limit)
  if (old.total() > 0 && next.total() > 0) seen.in_both++
}

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test(
  'in any history across the end of a period, no unit of either period counts in the other one',
  async () => {
    const property = fc.asyncProperty(
      worlds,
      histories,
      fc.integer({ min: 2_000, max: 20_000 }),
      async (world, history, ends) => {
        for (const isolate of isolates) isolate.revive()
        try {
          const time = moveTime(isolates)
          await time.until(Math.ceil(clock() / BUCKET_MS) * BUCKET_MS + world.phaseMs)
          const calm = { ...world, isTroubled: false }
          const endsAt = clock() + ends
          const both = beginBoth(calm, endsAt)
          await live(both, history, endsAt, time)
          await checkEnd(both, calm, time)
        } finally {
          vi.useRealTimers()
        }
      },
    )
    const examples = EXAMPLES.map(([world, steps]): [World, Step[], number] => [world, steps, 2_000])
    await checkHistories(property, { runs: 12, examples })
    expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([])
  },
  HISTORIES_TIMEOUT_MS,
)
