/**
 * Random histories over several isolates with leases: what was really admitted, and when, is written down here and held
 * against the limits, and the counters of Redis against it. Time is moved for all, timers with it; each isolate's own
 * clock is wrong by up to half a minute, and any of them may die. A history happens at the times it says, so that one
 * that fails does so again.
 */
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { breakStores, delayStores } from '../../support/broken-stores.ts'
import {
  BUCKET_MS,
  EXAMPLES,
  histories,
  MINUTE,
  MOST_AT_ONCE,
  type Step,
  type World,
  worlds,
} from '../../support/histories.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { type Isolate, moveTime, newIsolate, TWO_DATABASES } from '../../support/isolate.ts'
import {
  type Asked,
  begin,
  type Key,
  LEASE_MS,
  mayCount,
  mostWithin,
  mustCount,
  type Simulated,
  sum,
} from '../../support/limits-ledger.ts'

const SETTLED_AFTER_MS = 91_000

const newIsolateOverTwo = () => newIsolate(TWO_DATABASES)
const isolates: readonly [Isolate, ...Isolate[]] = [
  await newIsolateOverTwo(),
  await newIsolateOverTwo(),
  await newIsolateOverTwo(),
]
const [first] = isolates
const clock = () => first.now()

type Time = ReturnType<typeof moveTime>

/** Never less than was admitted, nor more than that plus leases; the same for holds. @returns the leased units */
async function checkCounters(simulated: Simulated, mayBeLent = simulated.mostLent): Promise<number> {
  const { keys, counted, countedIn, total, uncarried, mustHold, mayHold } = simulated
  const mayBeHeld = mayHold()
  const { used, held } = await counted()
  const lent = used - total() + uncarried()
  expect(lent, 'lent of the quota').toBeGreaterThanOrEqual(0)
  expect(lent, 'lent of the quota').toBeLessThanOrEqual(sum(keys.map(mayBeLent)))
  expect(held, 'held of the quota').toBeGreaterThanOrEqual(mustHold())
  expect(held, 'held of the quota').toBeLessThanOrEqual(mayBeHeld)
  expect(used + mustHold(), 'used and held').toBeLessThanOrEqual(simulated.mostCounted())
  for (const key of keys) {
    const inWindow = await countedIn(key)
    expect(inWindow, 'counted in the window').toBeGreaterThanOrEqual(mustCount(key, clock()))
    expect(inWindow, 'counted in the window').toBeLessThanOrEqual(mayCount(key, clock()) + mayBeLent(key))
  }
  return lent
}

/** Nobody is refused what would fit except for leases and holds: during concurrent requests, some are on their way back. */
function checkRefusals(simulated: Simulated, { quota }: World, key: Key, refused: readonly Asked[]) {
  const { keys, total, mostLent } = simulated
  for (const { from, cost, outcome, mayBeHeld } of refused) {
    if (outcome === 'rate_limited')
      expect(mayCount(key, from) + 2 * mostLent(key) + cost, 'of the rate limit').toBeGreaterThan(key.limit)
    else expect(total() + mayBeHeld + 2 * sum(keys.map(mostLent)) + cost, 'of the quota').toBeGreaterThan(quota)
  }
}

const LIMITED = ['rate_limited', 'quota_exceeded'] as const

/** What happened in any of the histories. */
const seen = {
  lent: 0,
  rate_limited: 0,
  quota_exceeded: 0,
  rate_limited_while_lent: 0,
  quota_exceeded_while_held: 0,
  held: 0,
  canceled: 0,
  settled: 0,
  settled_late: 0,
  expired: 0,
  stranded: 0,
  all_given_back: 0,
  alone: 0,
  reconciled_while_spooled: 0,
  refuse: 0,
  lose: 0,
  late: 0,
}

function witness(lent: number, refused: readonly Asked[]) {
  const outcomes = LIMITED.filter((limited) => refused.some(({ outcome }) => outcome === limited))
  for (const outcome of outcomes) seen[outcome]++
  if (refused.some(({ outcome, mayBeHeld }) => outcome === 'quota_exceeded' && mayBeHeld > 0))
    seen.quota_exceeded_while_held++
  if (lent > 0) seen.lent++
  if (lent > 0 && outcomes.includes('rate_limited')) seen.rate_limited_while_lent++
}

/** Advances time, and checks the counters whenever a bucket leaves the window. */
async function pass(simulated: Simulated, time: Time, until: number) {
  for (let edge = Math.ceil(clock() / BUCKET_MS) * BUCKET_MS; edge < until; edge += BUCKET_MS) {
    await time.until(edge)
    await checkCounters(simulated)
  }
  await time.until(until)
}

/** A refusal has read the holds: those that expired before no longer count. */
async function checkExpired({ counted }: Simulated, { mayBeHeld }: Asked) {
  expect((await counted()).held, 'held after a look').toBeLessThanOrEqual(mayBeHeld)
}

/** The concurrent requests of a step, by one of the live isolates. */
async function ask(simulated: Simulated, load: number, isolate: Isolate, step: Step): Promise<Asked[]> {
  const { pauseMs, costs, floods, settlement, hold } = step
  const key = simulated.keys[step.key] as Key
  const count = Math.min(MOST_AT_ONCE, Math.ceil((key.limit * load * pauseMs) / MINUTE))
  const burst = Array.from({ length: count }, (_, index) => costs[index % costs.length] ?? 1)
  const [settled, held, ...asked] = await Promise.all([
    settlement && simulated.settleHold(settlement),
    hold && simulated.hold(hold),
    ...burst.map((cost) => simulated.take(isolate, key, cost)),
  ])
  if (settled) seen[settled]++
  if (held?.outcome === 'held') seen.held++
  else if (held) asked.push(held)
  if (floods) asked.push(...(await simulated.flood(isolate, key)))
  if (floods && !step.trouble) await checkExpired(simulated, asked.at(-1) as Asked)
  return asked
}

/** @returns what ends the fault; late requests arrive then */
function breakRedis(trouble: NonNullable<Step['trouble']>): () => Promise<void> {
  seen[trouble]++
  if (trouble === 'late') return delayStores(['/redis']).arrive
  const broken = breakStores(['/redis'], trouble)
  return async () => broken.mockRestore()
}

/** The same, with or without Redis. @returns what was asked for */
async function act(simulated: Simulated, { load, isTroubled }: World, isolate: Isolate, step: Step): Promise<Asked[]> {
  if (!isTroubled || !step.trouble) return ask(simulated, load, isolate, step)
  const arrive = breakRedis(step.trouble)
  const asked = await ask(simulated, load, isolate, { ...step, settlement: undefined, hold: undefined })
  if (simulated.uncarried() > 0) seen.alone++
  await arrive()
  await simulated.look(isolate)
  return asked
}

async function settle(simulated: Simulated) {
  if (!simulated.isSpoolEmpty()) seen.reconciled_while_spooled++
  await simulated.settle()
}

/** @returns those that are alive at its end */
async function live(simulated: Simulated, world: World, history: readonly Step[], time: Time) {
  const living = [...isolates]
  await simulated.look(first)
  for (const step of history) {
    await pass(simulated, time, time.planned() + step.pauseMs)
    if (step.drains) await simulated.drain()
    if (step.reports > 0) await simulated.report(step.reports, step.raises + 1)
    if (step.reconciles) await settle(simulated)
    simulated.setPostgres(step.postgres)
    const isolate = living[step.by % living.length] as Isolate
    const asked = await act(simulated, world, isolate, step)
    await time.idle()
    const refused = asked.filter(({ outcome }) => outcome !== 'admitted')
    checkRefusals(simulated, world, simulated.keys[step.key] as Key, refused)
    witness(await checkCounters(simulated), refused)
    if (simulated.total() >= world.quota) break // nobody gets anything any more
    if (step.dies && living.length > 1) living.splice(living.indexOf(isolate), 1)[0]?.die()
  }
  return living
}

/** No lease or hold is left after a read; and Redis, Postgres and the admitted units agree. */
async function checkSettled(simulated: Simulated, looker: Isolate) {
  if (simulated.mayHold() > 0) seen.expired++
  await simulated.take(looker, simulated.keys[0] as Key, 0)
  expect(await simulated.counted()).toEqual({ used: simulated.total(), held: 0 })
  expect(await simulated.holdsLeft()).toBe(0)
}

/** After all leases ended: unspent units returned, except those of dead isolates, and anybody may have the rest. */
async function end(simulated: Simulated, { quota, isTroubled }: World, living: readonly Isolate[], time: Time) {
  await time.until(clock() + LEASE_MS)
  simulated.setPostgres(undefined)
  await simulated.drain()
  if (living.length < isolates.length || isTroubled) {
    seen.stranded += await checkCounters(simulated)
    for (let runs = 0; runs < 4; runs++) {
      await time.until(clock() + SETTLED_AFTER_MS)
      await simulated.settle()
    }
    await checkSettled(simulated, living[0] ?? first)
    return
  }
  seen.all_given_back++
  await checkCounters(simulated, () => 0)
  await pass(simulated, time, clock() + MINUTE + 2 * BUCKET_MS)
  for (const key of simulated.keys) {
    const refused = (await simulated.flood(first, key)).at(-1) as Asked
    await time.idle()
    const lent = await checkCounters(simulated)
    if (refused.outcome === 'quota_exceeded') expect(simulated.total() + lent).toBeGreaterThanOrEqual(quota)
    else expect(mayCount(key, refused.from) + lent).toBeGreaterThanOrEqual(key.limit)
    await time.until(clock() + LEASE_MS)
    await checkCounters(simulated, () => 0)
  }
  await checkSettled(simulated, first)
}

/** The bounds of docs/operate/outages.md: counters exceed no limit; a local isolate admits what was left at its last response. */
function checkLimits({ keys, total, alone, beyond, admittedBy }: Simulated, { quota }: World) {
  for (const { admitted, alone, limit } of keys) {
    expect(mostWithin(MINUTE, admitted)).toBeLessThanOrEqual(limit)
    for (const isolate of isolates) {
      const byIt = [...admitted, ...alone].filter(({ by }) => by === isolate)
      expect(mostWithin(MINUTE - LEASE_MS, byIt), 'by one isolate').toBeLessThanOrEqual(limit)
    }
  }
  expect(total() - alone()).toBeLessThanOrEqual(quota + beyond())
  for (const isolate of isolates) expect(admittedBy(isolate), 'by one isolate').toBeLessThanOrEqual(quota)
}

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('isolates that share two keys of one organization, with clocks that are off by half a minute', () => {
  test(
    'never admit more than a limit in any history, and less only by units in leases or lost with one',
    async () => {
      const property = fc.asyncProperty(worlds, histories, async (world, history) => {
        for (const isolate of isolates) isolate.revive()
        vi.spyOn(console, 'warn').mockImplementation(() => undefined) // what a dead one could not return
        try {
          const time = moveTime(isolates)
          await time.until(Math.ceil(clock() / BUCKET_MS) * BUCKET_MS + world.phaseMs)
          const simulated = begin(isolates, world)
          const living = await live(simulated, world, history, time)
          await end(simulated, world, living, time)
          checkLimits(simulated, world)
        } finally {
          vi.useRealTimers()
        }
      })
      await checkHistories(property, { runs: 10, examples: EXAMPLES })
      expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([])
    },
    HISTORIES_TIMEOUT_MS,
  )
})
