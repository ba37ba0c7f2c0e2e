import { describe, expect, test } from 'vitest'
import { formatAmount, formatOverrides, formatUnits, toUnits } from '../../../src/limits/meter-units.ts'

/** Decimal text of so many millionths. */
const textOf = (units: number) =>
  String(units)
    .padStart(7, '0')
    .replace(/(?=.{6}$)/, '.')

describe('an amount of money', () => {
  test.each([
    0, 1, 999_999, 1_000_001, 17_051_662_193_936, 33_865_566_009_258, 558_037_378_142_999, 999_999_999_999_999,
  ])('of %d millionths is the same from text to units and back, as a number, too', (units) => {
    expect(toUnits('cost_usd', textOf(units))).toBe(units)
    expect(toUnits('cost_usd', Number(textOf(units)))).toBe(units)
    expect(formatUnits('cost_usd', units)).toBe(textOf(units))
    expect(formatAmount('cost_usd', Number(textOf(units)))).toBe(textOf(units))
  })

  test.each([
    ['0.000000001', 1],
    ['0.000000999', 1],
    ['0.000001', 1],
    ['0.000001001', 2],
    ['1234567.000000001', 1_234_567_000_001],
    [0.1 + 0.2, 300_000],
  ])('of %s counts as %d units: fractions round up, what floats add does not', (amount, units) => {
    expect(toUnits('cost_usd', amount)).toBe(units)
  })

  test('goes out as it is where a table that was edited by hand has no number', () => {
    expect(formatAmount('cost_usd', 'much' as unknown as number)).toBe('much')
  })

  test('is text among overrides, and all others stay as they are', () => {
    const others: Record<string, number | null> = { storage_gb: 1.5, tokens: null, rate_limit_per_minute: 60 }
    expect(formatOverrides({ ...others, cost_usd: 0.1 })).toEqual({ ...others, cost_usd: '0.100000' })
    expect(formatOverrides({ ...others, cost_usd: null })).toEqual({ ...others, cost_usd: null })
    expect(formatOverrides(others)).toEqual(others)
  })
})
