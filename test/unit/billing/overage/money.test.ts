import { describe, expect, test } from 'vitest'
import { price, priceOfNext, proRata, readTiers, toCents, toUsd } from '../../../../src/billing/overage/money.ts'

const DAY = 86_400n

describe('graduated prices', () => {
  const tiers = readTiers([
    { up_to: 1_000, unit_price_usd: '0.01' },
    { up_to: 10_000, unit_price_usd: '0.005' },
    { up_to: null, unit_price_usd: '0.0000020' },
  ])

  test.each([
    [0n, 0n],
    [1n, 10_000n],
    [999n, 9_990_000n],
    [1_000n, 10_000_000n],
    [1_001n, 10_005_000n],
    [9_999n, 54_995_000n],
    [10_000n, 55_000_000n],
    [10_001n, 55_000_002n],
    [1_000_010_000n, 2_055_000_000n],
  ])('%s units cost %s micro-dollars: each price applies only to the units inside its tier', (units, microUsd) => {
    expect(price(tiers, units)).toBe(microUsd)
  })

  test('unit prices may be below a micro-dollar: the sum is rounded, not the price', () => {
    const small = readTiers([{ up_to: null, unit_price_usd: '0.00000025' }])
    expect([1n, 2n, 3n, 4_000_000n].map((units) => price(small, units))).toEqual([0n, 1n, 1n, 1_000_000n])
    const least = readTiers([{ up_to: null, unit_price_usd: '0.000000000001' }])
    expect([499_999n, 500_000n, 1_000_000n].map((units) => price(least, units))).toEqual([0n, 1n, 1n])
  })

  test('amounts far beyond exact floating point are exact', () => {
    const one = readTiers([{ up_to: null, unit_price_usd: '123456.000000000001' }])
    expect(price(one, 1_000_000_000_001n)).toBe(123_456_000_000_123_457_000_000n)
  })

  test('the parts of a sum cost together what the whole costs, however it is split', () => {
    const uneven = readTiers([
      { up_to: 7, unit_price_usd: '0.0000003' },
      { up_to: null, unit_price_usd: '0.00000011' },
    ])
    for (const cuts of [[20n], [1n, 19n], [7n, 13n], [6n, 2n, 12n], Array.from({ length: 20 }, () => 1n)]) {
      let [before, sum] = [0n, 0n]
      for (const units of cuts) {
        sum += priceOfNext(uneven, before, units)
        before += units
      }
      expect(sum).toBe(price(uneven, 20n))
    }
  })
})

test.each([
  [0n, 0n, '0.000000'],
  [4_999n, 0n, '0.004999'],
  [5_000n, 1n, '0.005000'],
  [14_999n, 1n, '0.014999'],
  [15_000n, 2n, '0.015000'],
  [-4_999n, 0n, '-0.004999'],
  [-5_000n, -1n, '-0.005000'],
  [1_234_567_890n, 123_457n, '1234.567890'],
])('%s micro-dollars are %s cents, and %s dollars', (microUsd, cents, usd) => {
  expect(toCents(microUsd)).toBe(cents)
  expect(toUsd(microUsd)).toBe(usd)
})

describe('a change of plan within the period', () => {
  test("Polar's example: from $5 to $20 after one day of 30 costs $14.50", () => {
    const change = { fromCents: 500n, toCents: 2_000n, secondsInPeriod: 30n * DAY }
    expect(proRata({ ...change, secondsLeft: 29n * DAY })).toBe(1_450n)
  })

  test("Stripe's example: from $10 to $20 after half of the period costs $5", () => {
    const change = { fromCents: 1_000n, toCents: 2_000n, secondsInPeriod: 30n * DAY }
    expect(proRata({ ...change, secondsLeft: 15n * DAY })).toBe(500n)
  })

  test.each([
    [30n * DAY, 3_000n],
    [30n * DAY - 1n, 3_000n],
    [1n, 0n],
    [0n, 0n],
    [10n * DAY, 1_000n],
  ])('with %s seconds left of 30 days $19 to $49 costs %s cents', (secondsLeft, cents) => {
    const change = { fromCents: 1_900n, toCents: 4_900n, secondsInPeriod: 30n * DAY }
    expect(proRata({ ...change, secondsLeft })).toBe(cents)
    expect(proRata({ ...change, fromCents: 4_900n, toCents: 1_900n, secondsLeft })).toBe(-cents)
  })
})
