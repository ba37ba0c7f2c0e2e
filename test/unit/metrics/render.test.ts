import { expect, test } from 'vitest'
import { count, observe, snapshot } from '../../../src/metrics/count.ts'
import { describeCounters, render } from '../../../src/metrics/render.ts'
import { parseMetrics } from '../../support/prometheus.ts'

test('labels and help are escaped as the format requires', () => {
  const text = render([
    { name: 'a_seconds', help: 'one\\two\nthree', type: 'gauge', samples: [{ labels: { b: 'x"y\\z\n' }, value: 0.5 }] },
  ])
  expect(text).toBe('# HELP a_seconds one\\\\two\\nthree\n# TYPE a_seconds gauge\na_seconds{b="x\\"y\\\\z\\n"} 0.5\n')
  expect(() => parseMetrics(text)).not.toThrow()
})

test('a family without samples is absent, and a counter that never counted is zero', () => {
  expect(render([{ name: 'a', help: 'b', type: 'gauge', samples: [] }])).toBe('')
  const lost = describeCounters({}).find(({ name }) => name === 'tollgate_usage_events_total')?.samples
  expect(lost).toContainEqual({ labels: { outcome: 'lost' }, value: 0 })
})

test('a value on the bound of a bucket is in it, and one above all bounds only in +Inf', () => {
  const before = snapshot()
  for (const value of [1, 1.0001, 500, 501]) observe('batchEvents', '', value)
  const after = snapshot()
  const growth = (key: string) => (after[key] ?? 0) - (before[key] ?? 0)
  expect([0, 1, 2, 8, 9].map((bucket) => growth(`batchEvents||${bucket}`))).toEqual([1, 1, 0, 1, 1])
  expect(growth('batchEvents||sum')).toBeCloseTo(1003.0001)
})

test('buckets are cumulative on the wire, and counts are summed by label', () => {
  const before = snapshot()['verdicts|VALID'] ?? 0
  count('verdicts', 'VALID')
  count('verdicts', 'VALID', 3)
  expect(snapshot()['verdicts|VALID']).toBe(before + 4)
  const text = render(
    describeCounters({ 'storeSeconds|redis|0': 2, 'storeSeconds|redis|3': 1, 'storeSeconds|redis|sum': 0.02 }),
  )
  const samples = parseMetrics(text).get('tollgate_store_request_duration_seconds')?.samples ?? []
  const redis = samples.filter(({ labels }) => labels.store === 'redis')
  expect(redis.slice(0, 5).map(({ labels, value }) => [labels.le, value])).toEqual([
    ['0.001', 2],
    ['0.0025', 2],
    ['0.005', 2],
    ['0.01', 3],
    ['0.025', 3],
  ])
  expect(redis.slice(-2).map(({ value }) => value)).toEqual([0.02, 3])
})

test('the parser of the tests refuses invalid lines', () => {
  const head = '# HELP a_total b\n# TYPE a_total counter\n'
  expect(() => parseMetrics(`${head}a_total 1\n`)).not.toThrow()
  for (const wrong of [
    `${head}a_total 1`,
    `${head}a_total{x=1} 1\n`,
    `${head}a_total 1\na_total 2\n`,
    `${head}b_total 1\n`,
    `${head}a_total -1\n`,
    head,
    'a_total 1\n',
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    '# HELP a b\n# TYPE a counter\na 1\n',
  ])
    expect(() => parseMetrics(wrong), wrong).toThrow()
})
