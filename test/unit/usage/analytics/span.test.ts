import { expect, test } from 'vitest'
import { cutIntoMonths } from '../../../../src/usage/analytics/span.ts'

const day = (text: string) => text.slice(0, 10)
const parts = (from: string, to: string) =>
  Object.values(cutIntoMonths({ from: Date.parse(from), to: Date.parse(to) })).map((span) =>
    [span.from, span.to].map((at) => day(new Date(at).toISOString())),
  )

test.each([
  ['whole months alone', '2026-02-01', '2026-04-01', ['2026-02-01', '2026-04-01']],
  ['months with days around them', '2026-01-31', '2026-04-02', ['2026-02-01', '2026-04-01']],
  ['a month that begins a day before the span', '2026-02-02', '2026-04-01', ['2026-03-01', '2026-04-01']],
  ['a month that ends a day after it', '2026-02-01', '2026-02-28', undefined],
  ['days on both sides of a month’s beginning', '2026-01-31', '2026-02-02', undefined],
  ['nothing', '2026-02-01', '2026-02-01', undefined],
])('%s', (_, from, to, months) => {
  const [before, middle, after] = parts(from, to)
  expect(middle).toEqual(months ?? [to, to])
  expect([before?.[0], before?.[1], after?.[0], after?.[1]]).toEqual([from, middle?.[0], middle?.[1], to])
})
