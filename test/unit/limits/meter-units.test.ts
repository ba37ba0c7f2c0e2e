import { describe, expect, test } from 'vitest'
import { formatAmount, formatOverrides, formatUnits, toUnits } from '../../../src/limits/meters/units.ts'

/** Decimal text of this many nano-dollars: six to nine decimals. */
const textOf = (units: number) =>
  String(units)
    .padStart(10, '0')
    .replace(/(?=.{9}$)/, '.')
    .replace(/0{1,3}$/, '')

describe('an amount of money', () => {
  test.each([
    0, 1, 999, 1_000, 1_001, 999_999_999, 1_000_000_001, 17_051_662_193_936, 558_037_378_142_999, 999_999_999_999_999,
    4_000_000_123_456_789, 8_999_999_123_457_000, 9_000_000_000_000_000,
  ])('of %d nano-dollars is the same from text to units and back, even as a number', (units) => {
    expect(toUnits('cost_usd', textOf(units))).toBe(units)
    expect(toUnits('cost_usd', Number(textOf(units)))).toBe(units)
    expect(formatUnits('cost_usd', units)).toBe(textOf(units))
    expect(formatAmount('cost_usd', Number(textOf(units)))).toBe(textOf(units))
  })

  test.each([
    ['0.0000000000001', 1],
    ['0.000000001', 1],
    ['0.0000000011', 2],
    ['0.000001', 1_000],
    ['1234567.000000001', 1_234_567_000_000_001],
    ['8999999.123456789', 8_999_999_123_456_789],
    [1e-9, 1],
    [1.5e-9, 2],
    [0.1 + 0.2, 300_000_000],
    [1_000 * 0.0000004, 400_000],
  ])('of %s counts as %d units: fractions round up, floating-point errors do not', (amount, units) => {
    expect(toUnits('cost_usd', amount)).toBe(units)
  })

  test('above nine million dollars is shown to the millionth', () => {
    for (const text of ['17051662.193936', '999999999.999999']) {
      expect(formatUnits('cost_usd', toUnits('cost_usd', text))).toBe(text)
      expect(formatAmount('cost_usd', Number(text))).toBe(text)
    }
  })

  test('is passed through if a manually edited table has no number', () => {
    expect(formatAmount('cost_usd', 'much' as unknown as number)).toBe('much')
  })

  test('is text among overrides, and all others stay unchanged', () => {
    const others: Record<string, number | null> = { storage_gb: 1.5, tokens: null, rate_limit_per_minute: 60 }
    expect(formatOverrides({ ...others, cost_usd: 0.1 })).toEqual({ ...others, cost_usd: '0.100000' })
    expect(formatOverrides({ ...others, cost_usd: null })).toEqual({ ...others, cost_usd: null })
    expect(formatOverrides(others)).toEqual(others)
  })
})
