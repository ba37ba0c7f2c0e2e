import { expect, test } from 'vitest'
import { decidePurchase, type ReversedCents } from '../../../../src/billing/credits/rules.ts'
import { toNanoUsd, toUsd } from '../../../../src/lib/usd.ts'

type Known = NonNullable<Parameters<typeof decidePurchase>[0]>
type Told = { id: string; cents: number; undone?: boolean; summed?: boolean }
type News = { snapshot?: number; isPaid?: boolean; isRevoked?: boolean } & (Told | { id?: never })

const PAID_CENTS = 1_000

/** The state of a $10 purchase of whose credits `burned` is used as soon as they exist. */
interface World {
  known: Known | undefined
  readonly burned: bigint
  readonly reversals: Map<string, Reversed>
  /** What was granted, taken and given, in dollars. */
  readonly moves: number[]
}

interface Reversed {
  readonly kind: 'refund' | 'dispute'
  readonly cents: number
  readonly isUndone: boolean
  readonly wasSummed: boolean
}

/** Applies events in their order. */
function apply(events: readonly News[], burned = 0n) {
  const world: World = { known: undefined, burned, reversals: new Map(), moves: [] }
  for (const event of events) {
    if (event.id !== undefined) note(world, event)
    if (event.isRevoked) revoke(world)
    else if (event.id === undefined || world.known) decide(world, event)
  }
  const { known, moves } = world
  const [takenBack, shortfall, remaining] = [known?.takenBack, known?.shortfall, known?.remaining].map(Number)
  return { moves, ends: { takenBack, shortfall, remaining } }
}

function note({ reversals }: World, { id, cents, undone = false, summed = true }: Told) {
  const before = reversals.get(id)
  const isUndone = undone || (before?.isUndone ?? false)
  const wasSummed = summed || (before?.wasSummed ?? false)
  reversals.set(id, { kind: id.startsWith('du') ? 'dispute' : 'refund', cents, isUndone, wasSummed })
}

/** Like the operator: the rest is gone for good. */
function revoke(world: World) {
  if (world.known) world.known = { ...world.known, isRevoked: true, remaining: '0' }
}

/** A refund or dispute says nothing else of its payment. */
function toPayment(known: Known | undefined, event: News) {
  const { paidCents = 0, refundedCents = 0 } = known ?? {}
  const credited = event.isPaid ? PAID_CENTS : undefined
  const names = { provider: 'stripe', paymentId: 'pi_1', organizationId: 'o', customerId: undefined } as const
  if (event.id !== undefined) return { ...names, creditCents: undefined, paidCents, refundedCents }
  return { ...names, creditCents: credited, paidCents: PAID_CENTS, refundedCents: event.snapshot ?? refundedCents }
}

function decide(world: World, event: News) {
  const { known, burned, reversals, moves } = world
  const reversed = sum([...reversals.values()])
  const { isChanged: _, ...decided } = decidePurchase(known, toPayment(known, event), { reversed, newId: 'grant' })
  const { granted = 0, takes = 0, gives = 0, creditCents, grantId, takenBack } = decided
  moves.push(...[Number(granted), -Number(takes), Number(gives)].filter(Boolean))
  const rest = BigInt(creditCents ?? 0) * 10_000_000n - toNanoUsd(takenBack) - burned
  const isRevoked = known?.isRevoked ?? false
  const remaining = grantId === null ? null : toUsd(isRevoked || rest < 0n ? 0n : rest)
  world.known = { ...decided, organizationId: 'o', remaining, isRevoked }
}

function sum(all: readonly Reversed[]): ReversedCents {
  const add = (counts: (one: Reversed) => boolean) => all.filter(counts).reduce((total, { cents }) => total + cents, 0)
  return {
    refunded: add(({ kind, isUndone }) => kind === 'refund' && !isUndone),
    failed: add(({ kind, isUndone, wasSummed }) => kind === 'refund' && isUndone && wasSummed),
    disputed: add(({ kind, isUndone }) => kind === 'dispute' && !isUndone),
  }
}

function* permute<T>(all: readonly T[]): Generator<T[]> {
  if (all.length === 0) yield []
  for (const [at, one] of all.entries())
    for (const rest of permute([...all.slice(0, at), ...all.slice(at + 1)])) yield [one, ...rest]
}

const paid: News = { isPaid: true }

test('a dispute after a partial refund takes what is left, never more than what was paid', () => {
  const refunded: News = { snapshot: 250 }
  expect(apply([paid, refunded, { id: 'du_1', cents: 600 }]).moves).toEqual([10, -2.5, -6])
  expect(apply([paid, refunded, { id: 'du_1', cents: 1_000 }]).moves).toEqual([10, -2.5, -7.5])
  expect(apply([paid, { id: 'du_1', cents: 600 }, { id: 'du_1', cents: 600 }]).moves).toEqual([10, -6])
  expect(apply([paid, { id: 'du_1', cents: 600 }, { id: 'du_1', cents: 600, undone: true }]).moves.at(-1)).toBe(6)
})

test('a failed refund is restored once, whether or not its id was reported before', () => {
  const failed: News = { id: 're_1', cents: 300, undone: true }
  expect(apply([paid, { snapshot: 300 }, failed, failed]).moves).toEqual([10, -3, 3])
  expect(apply([paid, { id: 're_1', cents: 300 }, { snapshot: 300 }, failed]).moves).toEqual([10, -3, 3])
  expect(apply([paid, failed, { id: 're_1', cents: 300 }]).moves).toEqual([10])
  expect(apply([paid, { snapshot: 300 }, failed, { snapshot: 300 }]).moves).toEqual([10, -3, 3])
})

test('used credits that could not be taken back are written off before anything is restored', () => {
  const { moves, ends } = apply(
    [paid, { id: 're_1', cents: 500 }, { id: 're_2', cents: 500 }, { id: 're_2', cents: 500, undone: true }],
    4_000_000_000n,
  )
  expect(moves).toEqual([10, -5, -1, 1])
  expect(ends).toEqual({ takenBack: 5, shortfall: 0, remaining: 1 })
})

test('a refund that failed before it was in the sum restores nothing of another one that is', () => {
  const failed: News = { id: 're_1', cents: 300, undone: true, summed: false }
  expect(apply([paid, { snapshot: 400 }, failed]).moves).toEqual([10, -4])
  expect(apply([paid, failed, { snapshot: 400 }]).moves).toEqual([10, -4])
  expect(apply([paid, { snapshot: 300 }, failed, { id: 're_1', cents: 300 }]).moves).toEqual([10, -3, 3])
})

test('a purchase that the operator revoked gets nothing back by a failed refund or a won dispute', () => {
  const revoked: News = { isRevoked: true }
  const [refund, dispute] = [
    { id: 're_1', cents: 400 },
    { id: 'du_1', cents: 400 },
  ]
  for (const one of [refund, dispute]) {
    const { moves, ends } = apply([paid, one, revoked, { ...one, undone: true }])
    expect(moves).toEqual([10, -4])
    expect(ends).toEqual({ takenBack: 4, shortfall: 0, remaining: 0 })
  }
})

test('the debt of a revoked purchase for used credits is written off when the refund fails', () => {
  const refund = { id: 're_1', cents: 1_000 }
  const { moves, ends } = apply(
    [paid, refund, { isRevoked: true }, { ...refund, undone: true }, { ...refund, undone: true }],
    4_000_000_000n,
  )
  expect(moves).toEqual([10, -6])
  expect(ends).toEqual({ takenBack: 6, shortfall: 0, remaining: 0 })
})

test('failed refunds above the sum leave a dispute whole, and between nothing and the full payment is taken', () => {
  const failed: News = { id: 're_1', cents: 500, undone: true }
  expect(apply([paid, { snapshot: 300 }, failed, { id: 'du_1', cents: 400 }]).moves).toEqual([10, -3, 3, -4])
  const { moves, ends } = apply([paid, { id: 'du_1', cents: 5_000 }, { id: 're_2', cents: 5_000 }])
  expect(moves).toEqual([10, -10])
  expect(ends).toEqual({ takenBack: 10, shortfall: 0, remaining: 0 })
  const payment = toPayment(undefined, paid)
  const reversed = { refunded: -100, failed: 100, disputed: -100 }
  expect(decidePurchase(undefined, payment, { reversed, newId: 'grant' })).toMatchObject({
    takenBack: '0',
    shortfall: '0',
    takes: undefined,
    gives: undefined,
  })
})

/** Whether the sum of a charge's refunds decreases when one fails is up to the provider. */
test.each([
  ['lowers', 200],
  ['keeps', 500],
])(
  'a refund that failed, another refund and a dispute end alike in every order; the provider %s the sum',
  (_, snapshot) => {
    const events: News[] = [
      paid,
      { snapshot: 300 },
      { id: 're_1', cents: 300 },
      { id: 're_1', cents: 300, undone: true },
      { snapshot },
      { id: 're_2', cents: 200 },
      { id: 'du_1', cents: 400 },
    ]
    for (const order of permute(events)) {
      expect(apply(order).ends, JSON.stringify(order)).toEqual({ takenBack: 6, shortfall: 0, remaining: 4 })
      const { takenBack = 0, shortfall = 0 } = apply(order, 7_000_000_000n).ends
      expect(takenBack + shortfall, JSON.stringify(order)).toBe(6)
    }
  },
)
