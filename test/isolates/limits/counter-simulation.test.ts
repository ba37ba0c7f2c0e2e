/**
 * Random histories of one counter each: holds, settlements, cancellations, extensions, reports and verifications, some of them
 * sent twice at once or again after their answer was lost, while time goes on and holds expire. What was granted is written
 * down here, and the counter of Redis is held against it after every step.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countersOf, unique } from '../../support/counters.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { newIsolate, TWO_DATABASES } from '../../support/isolate.ts'

const MINUTE = 60_000
const BUCKET = MINUTE / 30
const LIMIT = 100
/** Times are read both here and in Redis. */
const CLOCK_MS = 400

const { newPeriod, newWindow, newSlots } = countersOf(await newIsolate(TWO_DATABASES))
const KINDS = { window: newWindow, period: newPeriod, slots: newSlots }
type Kind = keyof typeof KINDS

interface OpenHold {
  readonly id: string
  readonly units: number
  readonly at: number
  expires: number
}

type Step =
  | { readonly kind: 'hold'; readonly units: number; readonly ms: number; readonly times: number }
  | { readonly kind: 'settle'; readonly which: number; readonly part: number; readonly times: number }
  | { readonly kind: 'extend'; readonly which: number; readonly ms: number }
  | { readonly kind: 'report'; readonly units: number; readonly times: number }
  | { readonly kind: 'take'; readonly units: number; readonly times: number }
  | { readonly kind: 'wait'; readonly ms: number }

const between = (min: number, max: number) => fc.integer({ min, max })
const times = between(1, 3)
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('hold' as const), units: between(1, 40), ms: between(1_000, 90_000), times }),
  fc.record({
    kind: fc.constant('settle' as const),
    which: fc.nat(9),
    part: fc.constantFrom(0, 0.5, 1, 1.4),
    times,
  }),
  fc.record({ kind: fc.constant('extend' as const), which: fc.nat(9), ms: between(1_000, 60_000) }),
  fc.record({ kind: fc.constant('report' as const), units: between(1, 10), times }),
  fc.record({ kind: fc.constant('take' as const), units: between(0, 30), times: between(1, 6) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.oneof(between(500, 5_000), between(10_000, 70_000)) }),
)

/** What happened in any of the histories. */
const seen = { held: 0, refused: 0, settled: 0, late: 0, expired: 0, extended: 0, taken: 0, full: 0, reported: 0 }

function begin(kind: Kind) {
  const counter = KINDS[kind](LIMIT)
  const used: { readonly units: number; readonly from: number; readonly to: number }[] = []
  let holds: OpenHold[] = []
  const isSlots = kind === 'slots'

  /** Units that count now: surely, and at most. */
  function known() {
    const now = counter.now()
    const counts = (at: number, slack: number) => kind !== 'window' || now - at <= MINUTE + slack
    const sum = (units: readonly number[]) => units.reduce((total, one) => total + one, 0)
    return {
      mustBeUsed: sum(used.filter(({ from }) => counts(from, -CLOCK_MS)).map(({ units }) => units)),
      mayBeUsed: sum(used.filter(({ to }) => counts(to, BUCKET + CLOCK_MS)).map(({ units }) => units)),
      mustBeHeld: sum(holds.filter(({ expires }) => expires > now + CLOCK_MS).map(({ units }) => units)),
      mayBeHeld: sum(holds.filter(({ expires }) => expires > now - CLOCK_MS).map(({ units }) => units)),
    }
  }

  async function check() {
    const state = await counter.read()
    const { mustBeUsed, mayBeUsed, mustBeHeld, mayBeHeld } = known()
    expect(state?.used, 'used').toBeGreaterThanOrEqual(mustBeUsed)
    expect(state?.used, 'used').toBeLessThanOrEqual(mayBeUsed)
    expect(state?.held, 'held').toBeGreaterThanOrEqual(mustBeHeld)
    expect(state?.held, 'held').toBeLessThanOrEqual(mayBeHeld)
  }

  const find = (which: number) => holds[which % Math.max(1, holds.length)]
  const note = (units: number, from = counter.now()) => used.push({ units, from, to: Math.max(from, counter.now()) })

  async function hold({ units, ms, times: repeats }: Extract<Step, { kind: 'hold' }>) {
    const id = unique()
    const before = known()
    const at = counter.now()
    const answers = await Promise.all(Array.from({ length: repeats }, () => counter.hold(units, { id, ms })))
    const [first] = answers
    expect(new Set(answers.map(({ outcome }) => outcome)).size, 'one answer for one hold').toBe(1)
    if (first?.outcome === 'held') {
      seen.held++
      expect(before.mustBeUsed + before.mustBeHeld + units, 'granted').toBeLessThanOrEqual(LIMIT)
      holds.push({ id, units, at, expires: first.expiresAt })
    } else {
      seen.refused++
      expect(before.mayBeUsed + before.mayBeHeld + units, 'refused').toBeGreaterThan(LIMIT)
    }
  }

  async function settle({ which, part, times: repeats }: Extract<Step, { kind: 'settle' }>) {
    const open = find(which)
    if (!open) return
    const units = isSlots ? 0 : Math.round(open.units * part)
    const now = counter.now()
    if (Math.abs(open.expires - now) <= CLOCK_MS) return
    const isOpen = open.expires > now
    await Promise.all(Array.from({ length: repeats }, () => counter.settle(open.id, units, { isNew: true })))
    holds = holds.filter((one) => one !== open)
    seen[isOpen ? 'settled' : 'late']++
    if (isOpen) note(Math.min(units, open.units), open.at)
    note(isOpen ? Math.max(0, units - open.units) : units)
  }

  async function extend({ which, ms }: Extract<Step, { kind: 'extend' }>) {
    const open = find(which)
    const now = counter.now()
    if (!open || Math.abs(open.expires - now) <= CLOCK_MS) return
    const until = await counter.extend(open.id, ms)
    expect(until !== undefined, 'open').toBe(open.expires > now)
    if (until === undefined) return
    seen.extended++
    expect(until).toBeGreaterThanOrEqual(open.expires)
    open.expires = until
  }

  async function report({ units, times: repeats }: Extract<Step, { kind: 'report' }>) {
    if (isSlots) return
    const batch = unique()
    const from = counter.now()
    await Promise.all(Array.from({ length: repeats }, () => counter.count(units, batch)))
    seen.reported++
    note(units, from)
  }

  async function take({ units, times: repeats }: Extract<Step, { kind: 'take' }>) {
    if (isSlots) return
    const before = known()
    const from = counter.now()
    const asked = await Promise.all(Array.from({ length: repeats }, () => counter.ask(units)))
    const admitted = asked.filter(({ outcome }) => outcome === 'admitted').length
    for (let at = 0; at < admitted; at++) note(units, from)
    if (admitted > 0) seen.taken++
    if (units > 0 && admitted > 0)
      expect(before.mustBeUsed + before.mustBeHeld + admitted * units).toBeLessThanOrEqual(LIMIT)
    if (admitted === repeats) return
    seen.full++
    const needed = Math.max(1, units)
    expect(before.mayBeUsed + before.mayBeHeld + admitted * units + needed, 'refused').toBeGreaterThan(LIMIT)
  }

  async function act(step: Step) {
    if (step.kind === 'wait') {
      counter.advance(step.ms)
      if (holds.some(({ expires }) => expires < counter.now() - CLOCK_MS)) seen.expired++
    } else if (step.kind === 'hold') await hold(step)
    else if (step.kind === 'settle') await settle(step)
    else if (step.kind === 'extend') await extend(step)
    else if (step.kind === 'report') await report(step)
    else await take(step)
    await check()
  }

  return { act }
}

test.each(['window', 'period', 'slots'] as const)(
  'a counter of a %s equals what was granted, settled and reported in any history, and never exceeds its limit',
  async (kind) => {
    const property = fc.asyncProperty(fc.array(steps, { minLength: 15, maxLength: 40 }), async (history) => {
      const { act } = begin(kind)
      for (const step of history) await act(step)
    })
    await checkHistories(property, { runs: 25 })
  },
  HISTORIES_TIMEOUT_MS,
)

test('the histories covered every event', () => {
  expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([])
})
