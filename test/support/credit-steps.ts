/** The steps of random histories of credits (test/api/billing/credits/histories.test.ts). */
import fc from 'fast-check'

const nano = fc.bigInt({ min: 1n, max: 5_000_000_000n })
const which = fc.nat({ max: 7 })
export const Step = fc.oneof(
  fc.record({ kind: fc.constant('charge' as const), amount: nano }),
  fc.record({ kind: fc.constant('charge' as const), amount: nano }),
  fc.record({ kind: fc.constant('uncharge' as const), amount: nano }),
  fc.record({
    kind: fc.constant('call' as const),
    price: fc.bigInt({ min: 1n, max: 900_000_000n }),
    calls: fc.integer({ min: 1, max: 5 }),
    lane: fc.constantFrom(0, 1, undefined),
    isLate: fc.boolean(),
    times: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    kind: fc.constant('grant' as const),
    amount: nano,
    hours: fc.option(fc.integer({ min: 1, max: 30 })),
    priority: fc.integer({ min: -2, max: 2 }),
  }),
  fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('settle' as const), times: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('move' as const), goesOn: fc.boolean() }),
  fc.record({ kind: fc.constant('revoke' as const), which }),
  fc.record({
    kind: fc.constant('correct' as const),
    which,
    amount: fc.bigInt({ min: -3_000_000_000n, max: 3_000_000_000n }),
  }),
  fc.record({
    kind: fc.constant('buy' as const),
    which,
    cents: fc.integer({ min: 100, max: 700 }),
    refundedCents: fc.integer({ min: 0, max: 700 }),
    isPaid: fc.boolean(),
    times: fc.integer({ min: 1, max: 3 }),
  }),
)
export type Step = typeof Step extends fc.Arbitrary<infer T> ? T : never
