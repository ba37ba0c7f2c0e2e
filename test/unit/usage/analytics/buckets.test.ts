import { describe, expect, test } from 'vitest'
import { isTimeZone, listBuckets } from '../../../../src/usage/analytics/buckets.ts'

const HOUR = 3_600_000
const at = (text: string) => Date.parse(text)
const iso = (time: number) => new Date(time).toISOString().slice(0, 16)

function days(zone: string, from: string, to: string) {
  return listBuckets('day', { from: at(from), to: at(to) }, zone).map((bucket) => [
    bucket.name,
    iso(bucket.from),
    (bucket.to - bucket.from) / HOUR,
  ])
}

describe('the days of a time zone', () => {
  test('have 23 hours in Berlin on 29 March 2026 and 25 on 25 October', () => {
    expect(days('Europe/Berlin', '2026-03-28T12:00Z', '2026-03-30T12:00Z')).toEqual([
      ['2026-03-28', '2026-03-27T23:00', 24],
      ['2026-03-29', '2026-03-28T23:00', 23],
      ['2026-03-30', '2026-03-29T22:00', 24],
    ])
    expect(days('Europe/Berlin', '2026-10-24T12:00Z', '2026-10-26T12:00Z')).toEqual([
      ['2026-10-24', '2026-10-23T22:00', 24],
      ['2026-10-25', '2026-10-24T22:00', 25],
      ['2026-10-26', '2026-10-25T23:00', 24],
    ])
  })

  test('begin with their first full UTC hour if the offset is not a whole hour', () => {
    // Midnight in St. John's is 02:30 UTC in summer, 03:30 in winter.
    expect(days('America/St_Johns', '2026-03-07T12:00Z', '2026-03-09T12:00Z')).toEqual([
      ['2026-03-07', '2026-03-07T04:00', 24],
      ['2026-03-08', '2026-03-08T04:00', 23],
      ['2026-03-09', '2026-03-09T03:00', 24],
    ])
    expect(days('America/St_Johns', '2026-11-01T12:00Z', '2026-11-02T12:00Z')).toEqual([
      ['2026-11-01', '2026-11-01T03:00', 25],
      ['2026-11-02', '2026-11-02T04:00', 24],
    ])
    expect(days('Asia/Kathmandu', '2026-11-20T12:00Z', '2026-11-20T13:00Z')).toEqual([
      ['2026-11-20', '2026-11-19T19:00', 24],
    ])
  })

  test('exist without a midnight, and do not exist if a zone skipped them', () => {
    // In Cairo clocks go from 00:00 to 01:00; Apia went from 29 to 31 December 2011.
    expect(days('Africa/Cairo', '2026-04-24T00:00Z', '2026-04-24T01:00Z')).toEqual([
      ['2026-04-24', '2026-04-23T22:00', 23],
    ])
    expect(days('Pacific/Apia', '2011-12-30T00:00Z', '2011-12-31T00:00Z').map(([name]) => name)).toEqual([
      '2011-12-29',
      '2011-12-31',
    ])
  })

  test.each([
    'Europe/Berlin',
    'America/St_Johns',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Pacific/Kiritimati',
    'Etc/GMT+12',
    '+05:30',
  ])('follow each other without a gap or an overlap through a year: %s', (zone) => {
    const span = { from: at('2026-01-01T00:00Z'), to: at('2027-01-01T00:00Z') }
    const buckets = listBuckets('day', span, zone)
    expect(buckets[0]?.from).toBeLessThanOrEqual(span.from)
    expect(buckets.at(-1)?.to).toBeGreaterThanOrEqual(span.to)
    for (const [index, { from }] of buckets.entries()) if (index > 0) expect(from).toBe(buckets[index - 1]?.to)
    expect(new Set(buckets.map(({ name }) => name)).size).toBe(buckets.length)
    expect(buckets.every(({ from, to }) => from % HOUR === 0 && to > from)).toBe(true)
  })
})

test('an end at the beginning of a day excludes that day', () => {
  expect(days('UTC', '2026-11-01T00:00Z', '2026-11-02T00:00Z')).toHaveLength(1)
  expect(days('UTC', '2026-11-01T00:00Z', '2026-11-02T00:00:00.001Z')).toHaveLength(2)
})

test('months are the days from the first to the last, with the hours that clock changes add or remove', () => {
  const months = listBuckets('month', { from: at('2026-03-15T00:00Z'), to: at('2026-05-01T00:00Z') }, 'Europe/Berlin')
  expect(months.map((month) => [month.name, iso(month.from), (month.to - month.from) / HOUR])).toEqual([
    ['2026-03', '2026-02-28T23:00', 31 * 24 - 1],
    ['2026-04', '2026-03-31T22:00', 30 * 24],
    ['2026-05', '2026-04-30T22:00', 31 * 24],
  ])
})

test('hours are those of UTC, named by the clock of the zone: a repeated hour has two names', () => {
  const names = (zone: string) =>
    listBuckets('hour', { from: at('2026-10-25T00:30Z'), to: at('2026-10-25T02:00Z') }, zone).map(({ name }) => name)
  expect(names('Europe/Berlin')).toEqual(['2026-10-25T02:00:00+02:00', '2026-10-25T02:00:00+01:00'])
  expect(names('Asia/Kathmandu')).toEqual(['2026-10-25T05:45:00+05:45', '2026-10-25T06:45:00+05:45'])
  expect(names('America/St_Johns')[0]).toBe('2026-10-24T21:30:00-02:30')
})

test('a zone is any that the runtime knows', () => {
  expect(['UTC', 'Europe/Berlin', 'america/st_johns', 'Nowhere/Land', '', "UTC'--", 'UTC\0'].map(isTimeZone)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ])
})
