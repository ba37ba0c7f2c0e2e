import { describe, expect, test } from 'vitest'
import { forecast, listDays, ratePerDay } from '../../../../src/usage/analytics/forecast-rules.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const MIDNIGHT = Date.UTC(2026, 10, 18) // a Wednesday
const END = Date.UTC(2026, 11, 1)

/** The rate of a series of days, oldest first, of which the last is today up to `hours`. */
function rateOf(amounts: readonly number[], hours: number, firstUse?: number) {
  const now = MIDNIGHT + hours * HOUR
  const starts = amounts.map((_, at) => MIDNIGHT - (amounts.length - 1 - at) * DAY)
  const byDay = new Map(amounts.map((amount, at) => [starts[at] as number, amount]))
  return ratePerDay(listDays({ firstUse: firstUse ?? starts[0], byDay }, now))
}

const week = (amount: number) => Array.from({ length: 7 }, () => amount)

describe('the rate per day', () => {
  test('of a constant use is that use, at any hour of the day', () => {
    for (const hours of [0, 1, 6, 12, 23.5]) expect(rateOf([...week(2_400), hours * 100], hours)).toBeCloseTo(2_400, 6)
  })

  test('of a step follows it: by three tenths after one day, completely after a week', () => {
    const [before, after] = [100, 200]
    // Weights 1, 3/4, (3/4)^2 …; over seven days they are 3.4661 in all.
    expect(rateOf([...week(before).slice(1), after, 0], 0)).toBeCloseTo(100 + 100 / 3.466064453125, 9)
    expect(rateOf([...week(before).slice(3), after, after, after, 0], 0)).toBeCloseTo(
      100 + (100 * 2.3125) / 3.466064453125,
      9,
    )
    expect(rateOf([before, ...week(after), 0], 0)).toBeCloseTo(200, 9)
  })

  test('includes one weekend, whatever day it is', () => {
    const weekly = (day: number) => (day % 7 < 5 ? 700 : 0)
    const rates = Array.from({ length: 7 }, (_, today) =>
      rateOf([...Array.from({ length: 7 }, (_, at) => weekly(today + at)), 0], 0),
    )
    // 500 is the true mean; the days' order moves it, but never to a week without weekend (700), nor to half of it.
    for (const rate of rates) expect(Math.abs((rate ?? 0) - 500)).toBeLessThan(160)
    expect(rates[0]).toBeCloseTo(
      (700 * (0.75 ** 2 + 0.75 ** 3 + 0.75 ** 4 + 0.75 ** 5 + 0.75 ** 6)) / 3.466064453125,
      9,
    )
  })

  test('of a spike fades by a quarter each day, and is gone after a week', () => {
    const at = (age: number) =>
      rateOf(
        Array.from({ length: 9 }, (_, day) => (day === 8 - age ? 1_100 : day === 8 ? 0 : 100)),
        0,
      ) ?? 0
    expect(at(1) - 100).toBeCloseTo(1_000 / 3.466064453125, 9)
    for (const age of [2, 3, 4, 5, 6, 7]) expect((at(age) - 100) / (at(age - 1) - 100)).toBeCloseTo(0.75, 9)
    expect(at(8)).toBeCloseTo(100, 9)
  })

  test('counts a day without use as zero', () => {
    const now = MIDNIGHT
    const byDay = new Map([1, 2, 4, 5, 6, 7].map((age) => [now - age * DAY, 100]))
    const rate = ratePerDay(listDays({ firstUse: now - 30 * DAY, byDay }, now))
    expect(rate).toBeCloseTo(100 * (1 - 0.75 ** 2 / 3.466064453125), 9)
  })

  test('ignores the hours before the first use on the first day', () => {
    // 100 an hour from noon of the day before yesterday.
    expect(rateOf([1_200, 2_400, 600], 6, MIDNIGHT - 2 * DAY + 12 * HOUR)).toBeCloseTo(2_400, 9)
  })

  test.each([
    [23.99, null],
    [24, 2_400],
    [24.01, 2_400],
  ])('is unknown with less than 24 hours of data: %d hours', (hours, rate) => {
    const now = MIDNIGHT + 12 * HOUR
    const firstUse = now - hours * HOUR
    const byDay = new Map([
      [MIDNIGHT - DAY, ((MIDNIGHT - firstUse) / HOUR) * 100],
      [MIDNIGHT, 1_200],
    ])
    const known = ratePerDay(listDays({ firstUse, byDay }, now))
    if (rate === null) expect(known).toBeNull()
    else expect(known).toBeCloseTo(rate, 6)
  })

  test('is unknown for an organization that never used anything', () => {
    expect(ratePerDay(listDays({ firstUse: undefined, byDay: new Map() }, MIDNIGHT))).toBeNull()
  })
})

describe('a forecast', () => {
  const ask = (changes: Partial<Parameters<typeof forecast>[0]>) =>
    forecast({ limit: 10_000, used: 4_000, rate: 1_000, now: MIDNIGHT, periodEnd: END, ...changes })

  test('says when the limit is reached, and the use at the end', () => {
    expect(ask({})).toEqual({ outlook: 'exhausts', exhaustedAt: MIDNIGHT + 6 * DAY, projected: 17_000 })
  })

  test('gives no day if the period ends first, at its last moment or after', () => {
    expect(ask({ limit: 17_001 })).toMatchObject({ outlook: 'lasts', exhaustedAt: null, projected: 17_000 })
    expect(ask({ limit: 17_000 })).toMatchObject({ outlook: 'lasts', exhaustedAt: null })
    expect(ask({ limit: 16_999 })).toMatchObject({ outlook: 'exhausts' })
  })

  test.each([
    [{ limit: null }, 'unlimited', null, 17_000],
    [{ rate: 0 }, 'idle', null, 4_000],
    [{ rate: null }, 'too_little_data', null, null],
    [{ used: 10_000 }, 'exhausted', MIDNIGHT, 23_000],
    [{ used: 10_001, rate: null }, 'exhausted', MIDNIGHT, null],
    [{ limit: 0, used: 0, rate: 0 }, 'exhausted', MIDNIGHT, 0],
  ])('of %j is "%s"', (changes, outlook, exhaustedAt, projected) => {
    expect(ask(changes)).toEqual({ outlook, exhaustedAt, projected })
  })
})
