import { describe, expect, test } from 'vitest'
import { monthNamed, toMonth, toPeriod } from '../../../src/lib/period.ts'
import { directly } from '../../support/direct.ts'

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
  expect(toMonth(period.start)).toEqual(period)
  expect(toMonth(period.start + 1)).toEqual(period)
  expect(toMonth(period.end - 1)).toEqual(period)
  expect(toMonth(period.start - 1).end).toBe(period.start)
  expect(toMonth(period.end).start).toBe(period.end)
})

test("every moment is in exactly one month, and the month's name parses back to it", () => {
  for (let sample = 0; sample < 1_000; sample++) {
    const at = Date.UTC(2000, 0, 1) + Math.floor(Math.random() * 200 * 365 * 86_400_000)
    const period = toMonth(at)
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
])('%j is not a month', (name) => {
  expect(monthNamed(name)).toBeUndefined()
})

test('years that dates cannot hold in four digits, or before and after any usage, are not months', () => {
  expect(['0000-01', '0050-01', '1999-12', '3000-01', '9999-12'].filter((name) => monthNamed(name))).toEqual([])
})

describe('periods counted from an anchor', () => {
  const at = (text: string) => Date.parse(text)
  const anchored = (anchor: string, moment: string) => {
    const { name, start, end } = toPeriod(at(anchor), at(moment))
    return [name, new Date(start).toISOString().slice(0, 16), new Date(end).toISOString().slice(0, 16)]
  }

  test("begin on the anchor's day and time, or on the last day of a shorter month, and do not drift", () => {
    const anchor = '2026-01-31T09:30:00Z'
    expect(anchored(anchor, '2026-02-01T00:00:00Z')).toEqual(['2026-01-31', '2026-01-31T09:30', '2026-02-28T09:30'])
    expect(anchored(anchor, '2026-02-28T09:30:00Z')).toEqual(['2026-02-28', '2026-02-28T09:30', '2026-03-31T09:30'])
    expect(anchored(anchor, '2026-04-30T09:29:59Z')).toEqual(['2026-03-31', '2026-03-31T09:30', '2026-04-30T09:30'])
    expect(anchored(anchor, '2028-03-01T00:00:00Z')).toEqual(['2028-02-29', '2028-02-29T09:30', '2028-03-31T09:30'])
    expect(anchored(anchor, '2027-01-01T00:00:00Z')).toEqual(['2026-12-31', '2026-12-31T09:30', '2027-01-31T09:30'])
  })

  test('are calendar months before the anchor, the last one cut short, and without an anchor', () => {
    const anchor = '2026-11-15T12:00:00Z'
    expect(anchored(anchor, '2026-10-31T23:59:59Z')).toEqual(['2026-10', '2026-10-01T00:00', '2026-11-01T00:00'])
    expect(anchored(anchor, '2026-11-15T11:59:59Z')).toEqual(['2026-11', '2026-11-01T00:00', '2026-11-15T12:00'])
    expect(anchored(anchor, '2026-11-15T12:00:00Z')).toEqual(['2026-11-15', '2026-11-15T12:00', '2026-12-15T12:00'])
    expect(toPeriod(undefined, at('2026-11-15T12:00:00Z'))).toEqual(toMonth(at('2026-11-15T12:00:00Z')))
  })

  test('are the same in SQL', async () => {
    const moments = Array.from({ length: 200 }, (_, index) => ({
      anchor: at('2026-01-01T00:00:00Z') + Math.floor(Math.random() * 400) * 86_400_000 + 3_600_000 * (index % 24),
      moment: at('2026-01-01T00:00:00Z') + Math.floor(Math.random() * 1_500 * 86_400_000),
    }))
    const rows = await directly().sql.query(
      `select extract(epoch from usage_period_start(to_timestamp(anchor / 1000), to_timestamp(moment / 1000)))::float8 * 1000 as start
        from jsonb_to_recordset($1::jsonb) as asked(anchor float8, moment float8)`,
      [JSON.stringify(moments)],
    )
    expect(rows.map(({ start }) => start)).toEqual(moments.map(({ anchor, moment }) => toPeriod(anchor, moment).start))
  })
})
