import { expect, test } from 'vitest'
import { parseBuckets } from '../../../../src/usage/analytics/query-span.ts'

const MOMENTS = [
  '2026-12-01T00:18:00Z', // the first of a month
  '2027-03-01T00:00:01Z',
  '2026-11-30T23:59:59Z',
  '2026-12-31T12:00:01Z',
  '2024-02-29T12:00:01Z',
  '2026-03-29T22:30:00Z', // shortly after midnight in Berlin, where the day before had 23 hours
  '2026-10-25T23:30:00Z', // and here it had 25
  '2026-04-20T22:10:00Z',
]

test.each(MOMENTS.flatMap((now) => ['UTC', 'Europe/Berlin', 'America/New_York'].map((tz) => [now, tz] as const)))(
  'without a start, a series at %s in %s has 24 hours, 30 days or 12 months, the last of them now',
  (now, tz) => {
    const at = Date.parse(now)
    for (const [interval, count] of [
      ['hour', 24],
      ['day', 30],
      ['month', 12],
    ] as const) {
      const buckets = parseBuckets({ interval, tz }, {}, at)
      const last = buckets.at(-1)
      expect([interval, buckets.length, (last?.from ?? at) <= at, at < (last?.to ?? 0)]).toEqual([
        interval,
        count,
        true,
        true,
      ])
    }
  },
)
