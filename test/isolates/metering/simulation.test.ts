/**
 * Random histories of one organization over both stores, most of them across a month's end: verifications, reservations,
 * settlements and reports by isolates whose clocks are wrong, jobs at any moment and twice at once, isolates that die, and
 * requests to either store that are refused, lost, late or slow. What was granted is written down beside the stores; once
 * all is drained the three must say the same of each month.
 */
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { toMonth } from '../../../src/lib/period.ts'
import { EXAMPLES, histories, type Step, type World, worlds } from '../../support/account-histories.ts'
import { type Account, openAccount, sumUnits } from '../../support/account-ledger.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { type Isolate, moveTime, newIsolate, TWO_DATABASES } from '../../support/isolate.ts'
import { FAULTS, type Network, openNetwork } from '../../support/store-faults.ts'

const LEASE_MS = 1_500
/** The longest fault and delay: reconciliation assumes less than a minute. */
const FAULT_MS = 4_000
const SLOW_MS = 150
const SETTLED_AFTER_MS = 91_000

/** Only what the history says is late; organizations in either of two Redis databases. */
const PATIENT = { REDIS_TIMEOUT_MS: '5000', ...TWO_DATABASES }
const isolates: readonly [Isolate, ...Isolate[]] = [
  await newIsolate(PATIENT),
  await newIsolate(PATIENT),
  await newIsolate(PATIENT),
]
const [first] = isolates

interface Scene {
  readonly world: World
  readonly account: Account
  readonly network: Network
  readonly time: ReturnType<typeof moveTime>
}

/** What happened in any of the histories, and what must have. */
const seen = new Set<string>()
const HAPPENS = [
  ...FAULTS.flatMap((how) => [`${how} /redis`, `${how} /sql`]),
  'two months',
  'died',
  'all given back',
  'settled',
  'duplicate',
  'spooled',
  'canceled',
]

/** The month that each of them ended in, if it ended. */
const namePeriods = ({ calls, reports, settlements }: Account) =>
  new Set([...calls, ...reports, ...settlements].map(({ period }) => period))

const ofPeriod = <T extends { readonly period: string }>(counted: readonly T[], name: string) =>
  counted.filter(({ period }) => period === name)

/** The bounds of docs/operate/outages.md: counters exceed no quota; a local isolate admits what was left at its last response. */
function checkQuota({ account, world }: Scene) {
  for (const period of namePeriods(account)) {
    const calls = ofPeriod(account.calls, period)
    for (const isolate of isolates)
      expect(sumUnits(calls.filter(({ by }) => by === isolate)), 'by one isolate').toBeLessThanOrEqual(world.quota)
    if (!world.isTroubled) expect(sumUnits(calls), 'by all of them').toBeLessThanOrEqual(world.quota)
  }
}

/** The concurrent requests of one isolate. */
async function ask({ account }: Scene, isolate: Isolate, step: Step) {
  const { costs, reserve, settlement, report, drains, reconciles } = step
  const [settled] = await Promise.all([
    settlement && account.settle(isolate, settlement),
    reserve && account.hold(isolate, reserve),
    report && account.report(report),
    drains && account.drain(),
    reconciles && account.reconcile(),
    ...costs.map((cost) => account.take(isolate, cost)),
  ])
  for (const outcome of settled ?? []) seen.add(outcome ?? 'settlement unanswered')
  expect(settled ?? [], 'the same settlement again').not.toContain('conflict')
}

/** Time advances, and the faults last with it for a while. */
async function pause({ network, time }: Scene, pauseMs: number) {
  const until = time.planned() + pauseMs
  await time.until(Math.min(until, time.planned() + FAULT_MS))
  network.break([])
  if (pauseMs > FAULT_MS) await network.deliver()
  await time.until(until)
}

/** @returns those that are alive at its end */
async function live(scene: Scene, history: readonly Step[]) {
  const { account, network, time, world } = scene
  const living = [...isolates]
  for (const isolate of living) await account.take(isolate, 0)
  for (const step of history) {
    await pause(scene, step.pauseMs)
    const isolate = living[step.by % living.length] as Isolate
    if (!step.isLaterStill) await network.deliver()
    network.break(step.faults.filter(({ how }) => world.isTroubled || how === 'slow'))
    await ask(scene, isolate, step)
    await time.idle()
    if (step.isLaterStill) await network.deliver()
    checkQuota(scene)
    if (!step.dies || !world.isTroubled || living.length === 1) continue
    network.break([])
    await account.die(isolate)
    living.splice(living.indexOf(isolate), 1)
    seen.add('died')
  }
  network.break([])
  return living
}

/** Each granted call is stored once, except those known to be lost. */
async function checkStored({ calls, mayBeLost, readStored }: Account) {
  const stored = await readStored()
  expect(new Set(stored).size, 'stored once').toBe(stored.length)
  const known = new Set(stored)
  expect(calls.filter(({ id }) => !known.has(id) && !mayBeLost.has(id))).toEqual([])
  return calls.filter(({ id }) => known.has(id))
}

/**
 * Of each month: Postgres holds what was granted, reported and settled in it, and Redis the same.
 *
 * @param current the month of which nothing is held any more, now that somebody has looked
 */
async function checkSums(account: Account, current?: string) {
  const stored = await checkStored(account)
  const recorded = await account.readRecorded()
  for (const period of new Set([...namePeriods(account), ...recorded.keys()])) {
    const granted = sumUnits([...ofPeriod(stored, period), ...ofPeriod(account.reports, period)])
    const sums = { calls: granted, tokens: sumUnits(ofPeriod(account.settlements, period)) }
    expect(recorded.get(period) ?? { calls: 0, tokens: 0 }, `Postgres of ${period}`).toEqual(sums)
    const counter = await account.readCounter(period)
    const hasCalls = ofPeriod(account.calls, period).length > 0
    if (hasCalls || counter) expect(counter, `Redis of ${period}`).toMatchObject(sums)
    if (period === current) expect(counter, `Redis of ${period}`).toMatchObject({ held: 0, open: 0 })
  }
}

/** All late requests arrive, and everything in progress ends. */
async function end({ account, network, time, world }: Scene, living: readonly Isolate[]) {
  await network.deliver()
  await time.advance(LEASE_MS)
  for (const isolate of living) await account.take(isolate, 0)
  await account.tellAgain(living[0] ?? first)
  await account.drain()
  await time.advance(LEASE_MS)
  if (!world.isTroubled) await checkSums(account)
  if (!world.isTroubled) seen.add('all given back')
  for (let runs = 0; runs < 4; runs++) {
    await time.advance(SETTLED_AFTER_MS)
    await account.drain()
    await account.reconcile()
  }
  for (const isolate of living) await account.take(isolate, 0)
  await time.advance(LEASE_MS)
  await checkSums(account, toMonth(first.now()).name)
}

/** What the log reports as lost: it contains the events in full. */
function readLost(lines: readonly unknown[][]): string[] {
  return lines.flatMap(([line]) => {
    const entry = JSON.parse(String(line)) as { event?: string; events?: readonly { id: string }[] }
    return (entry.events ?? []).map(({ id }) => id)
  })
}

async function play(world: World, history: readonly Step[]) {
  for (const isolate of isolates) isolate.revive()
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const account = await openAccount(isolates, world)
  const network = openNetwork(() => {
    for (const isolate of isolates) isolate.advance(SLOW_MS)
  })
  try {
    const time = moveTime(isolates)
    await time.until(toMonth(first.now()).end - world.beforeEndMs)
    const scene = { world, account, network, time }
    const living = await live(scene, history)
    account.markLogged(readLost(errors.mock.calls))
    await end(scene, living)
    checkQuota(scene)
    if (namePeriods(account).size > 1) seen.add('two months')
    for (const fault of network.met) seen.add(fault)
  } finally {
    vi.useRealTimers()
    vi.restoreAllMocks()
  }
}

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('an organization whose month ends while stores fail, responses are lost and isolates die', () => {
  test(
    'has in Redis and in Postgres what it was granted, each call once and in the month of its request',
    async () => {
      const property = fc.asyncProperty(worlds, histories, play)
      await checkHistories(property, { runs: 10, examples: EXAMPLES })
      expect(HAPPENS.filter((event) => !seen.has(event))).toEqual([])
    },
    HISTORIES_TIMEOUT_MS,
  )
})
