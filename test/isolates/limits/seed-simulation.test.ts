/**
 * Random histories of one calendar period of a key: use that is reported, admitted, told twice, told late or never, and flushes of Redis
 * at any moment, verifications that reach Postgres late through the spool, while seeds are read and used by several requests at once. A model of Postgres gives each transaction a number
 * and each seed a snapshot. After each history the counter is what Postgres has, and it never was more.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countUsed, type UseAdmission } from '../../../src/limits/holds/holds.ts'
import { countersOf, unique } from '../../support/counters.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { newIsolate, TWO_DATABASES } from '../../support/isolate.ts'

const LIMIT = 1_000_000

const { newPeriod } = countersOf(await newIsolate(TWO_DATABASES))

type Step =
  | { readonly kind: 'begin' | 'report'; readonly units: number; readonly times: number }
  | { readonly kind: 'take' | 'spool'; readonly units: number }
  | { readonly kind: 'tell' | 'end' | 'drain'; readonly which: number; readonly times: number }
  | { readonly kind: 'flush' | 'read' | 'look' }

const units = fc.integer({ min: 1, max: 50 })
const times = fc.integer({ min: 1, max: 2 })
const which = fc.nat(5)
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('begin' as const, 'report' as const), units, times }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('take' as const, 'spool' as const), units }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('tell' as const, 'end' as const, 'drain' as const), which, times }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'read' as const, 'look' as const) }) },
)

/** What happened in any of the histories. */
const seen = { seeded: 0, old: 0, running: 0, late: 0, repeated: 0, flushed: 0, drained: 0, lost: 0 }

interface Transaction {
  readonly xid: number
  readonly units: number
  readonly batch: string
  isCommitted: boolean
  /** Of a verification that was spooled. */
  readonly admission?: UseAdmission
}

/** Longer than a decision takes: a counter that began later lacks what was admitted before. */
const LONGER_MS = 10_000

function begin() {
  const { deps, counter, ask, advance, now, organizationId } = newPeriod(LIMIT)
  const kept = { key: `limits:${unique()}`, from: Date.now() }
  let next = 100
  const transactions: Transaction[] = []
  const untold: Transaction[] = []
  const spooled: { readonly units: number; readonly admittedAt: number }[] = []
  let lostAt = 0
  let read = readSeed()

  const running = () => transactions.filter(({ isCommitted }) => !isCommitted)
  const sum = () => transactions.reduce((total, one) => total + (one.isCommitted ? one.units : 0), 0)

  /** What one statement sees: everything committed by now. */
  function readSeed() {
    const open = transactions.filter(({ isCommitted }) => !isCommitted).map(({ xid }) => xid)
    const seed = transactions.reduce((total, one) => total + (one.isCommitted ? one.units : 0), 0)
    return { seed, snapshot: `${Math.min(next, ...open)}:${next}:${open.join(',')}` }
  }

  function write(amount: number, isCommitted: boolean, admission?: UseAdmission): Transaction {
    const transaction = { xid: next++, units: amount, batch: unique(), isCommitted, ...(admission && { admission }) }
    transactions.push(transaction)
    if (isCommitted) untold.push(transaction)
    return transaction
  }

  async function tell(transaction: Transaction, repeats: number) {
    const { units: amount, xid, batch, admission } = transaction
    const send = () =>
      countUsed(deps(), { batch, organizationId, counters: [{ ...counter, kept, cost: 0, amount, xid, admission }] })
    await Promise.all(Array.from({ length: repeats }, send))
    if (repeats > 1) seen.repeated++
  }

  /** What a request does: with a seed if needed, which may be an old one. */
  async function look(cost = 0) {
    const first = await ask(cost, { kept })
    if (first.outcome !== 'uncounted') return first
    if (read.seed < sum()) seen.old++
    if (running().length > 0) seen.running++
    seen.seeded++
    return ask(cost, { kept, ...read })
  }

  async function act(step: Step) {
    if (step.kind === 'begin') write(step.units, false)
    else if (step.kind === 'report') await tell(write(step.units, true), step.times)
    else if (step.kind === 'end') commit(step.which)
    else if (step.kind === 'tell') await tellOne(step.which, step.times)
    else if (step.kind === 'read') read = readSeed()
    else if (step.kind === 'flush') await flush()
    else if (step.kind === 'take') await take(step.units)
    else if (step.kind === 'spool') await spool(step.units)
    else if (step.kind === 'drain') await drain(step.which, step.times)
    else await look()
    await check(false)
  }

  function commit(at: number) {
    const open = running()[at % Math.max(1, running().length)]
    if (!open) return
    open.isCommitted = true
    untold.push(open)
  }

  async function tellOne(at: number, repeats: number) {
    const [told] = untold.splice(at % Math.max(1, untold.length), 1)
    if (!told) return
    seen.late++
    await tell(told, repeats)
  }

  /** A verification: it counts in Redis first, and is written at once. */
  async function take(cost: number) {
    await look(cost)
    write(cost, true)
    untold.pop()
  }

  /** A verification that Postgres does not store at once. */
  async function spool(cost: number) {
    const admittedAt = now()
    await look(cost)
    spooled.push({ units: cost, admittedAt })
  }

  async function drain(at: number, repeats: number) {
    const [one] = spooled.splice(at % Math.max(1, spooled.length), 1)
    if (!one) return
    seen.drained++
    if (one.admittedAt < lostAt) seen.lost++
    const { units: amount, admittedAt } = one
    untold.splice(untold.indexOf(write(amount, true, { admittedAt, wasTaken: true })), 1)
    await tell(transactions.at(-1) as Transaction, repeats)
  }

  async function flush() {
    seen.flushed++
    advance(LONGER_MS)
    lostAt = now()
    await deps().redis.shared.del(counter.key, kept.key)
    read = readSeed() // a seed is read after the loss that requires it
  }

  async function check(isAll: boolean) {
    const state = await ask(0, { kept })
    const [counted] = 'counters' in state ? (state.counters ?? []) : []
    if (!counted) return
    const waiting = spooled.reduce((total, one) => total + one.units, 0)
    expect(counted.used, 'used').toBeLessThanOrEqual(sum() + waiting)
    if (isAll) expect(counted.used, 'used in the end').toBe(sum())
  }

  async function end() {
    for (const open of running()) commit(transactions.indexOf(open))
    while (untold.length > 0) await tellOne(0, 1)
    while (spooled.length > 0) await drain(0, 1)
    await look()
    await check(true)
  }

  return { act, end }
}

test(
  'a counter that is lost again and again equals what Postgres has, each use once, in any history',
  async () => {
    const property = fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 60 }), async (history) => {
      const { act, end } = begin()
      for (const step of history) await act(step)
      await end()
    })
    await checkHistories(property, { runs: 40 })
  },
  HISTORIES_TIMEOUT_MS,
)

test('the histories covered every event', () => {
  expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([])
})
