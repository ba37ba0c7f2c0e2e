import { expect, test } from 'vitest'
import { monthNamed, monthOf } from '../../src/lib/period.ts'

test.each([
  ['2026-11', '2026-11-01', '2026-12-01'],
  ['2026-12', '2026-12-01', '2027-01-01'],
  ['2028-02', '2028-02-01', '2028-03-01'], // a leap year
  ['2100-02', '2100-02-01', '2100-03-01'], // none, though divisible by 4
  ['2000-01', '2000-01-01', '2000-02-01'],
  ['2999-12', '2999-12-01', '3000-01-01'],
])('%s begins with its first millisecond in UTC and ends before the next month’s', (name, first, next) => {
  const period = { name, start: Date.parse(first), end: Date.parse(next) }

  expect(monthNamed(name)).toEqual(period)
  expect(monthOf(period.start)).toEqual(period)
  expect(monthOf(period.start + 1)).toEqual(period)
  expect(monthOf(period.end - 1)).toEqual(period)
  expect(monthOf(period.start - 1).end).toBe(period.start)
  expect(monthOf(period.end).start).toBe(period.end)
})

test('every moment lies in exactly one month, which its name gives again', () => {
  for (let sample = 0; sample < 1_000; sample++) {
    const at = Date.UTC(2000, 0, 1) + Math.floor(Math.random() * 200 * 365 * 86_400_000)
    const period = monthOf(at)
    expect(period.start <= at && at < period.end).toBe(true)
    expect(period.name).toBe(new Date(at).toISOString().slice(0, 7))
    expect(monthNamed(period.name)).toEqual(period)
  }
})

test.each([
  '2026-00',
  '2026-13',
  '2026-1',
  '2026-011',
  '26-11',
  '02026-11',
  '2026/11',
  '2026-11-01',
  ' 2026-11',
  '2026-11 ',
  '2026-11\n',
  '٢٠٢٦-١١',
  '-026-11',
  '2026-aa',
  '',
])('%j names no month', (name) => {
  expect(monthNamed(name)).toBeUndefined()
})

test('years that dates cannot hold in four digits, or that no usage has, name no month', () => {
  expect(['0000-01', '0050-01', '1999-12', '3000-01', '9999-12'].filter((name) => monthNamed(name))).toEqual([])
})
