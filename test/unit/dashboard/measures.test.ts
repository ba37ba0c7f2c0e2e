import { expect, test } from 'vitest'
import type { UsageSums } from '../../../dashboard/src/api/types.ts'
import {
  describeMeasure,
  listMeasures,
  measureName,
  measureValue,
  smallestOf,
  toMeasure,
} from '../../../dashboard/src/screens/usage/measures.ts'
import { listMeters } from '../../../dashboard/src/screens/usage/meters.ts'

const OWN = {
  pages: { name: 'Pages', unit: 'pages', kind: 'counter' },
  audio: { name: 'Audio', unit: 'seconds', kind: 'counter' },
  seats: { name: 'Seats', unit: 'seats', kind: 'gauge' },
} as const

test('usage can be viewed by custom counters, with their unit, but not by gauges', () => {
  const own = listMeasures(OWN).slice(listMeasures({}).length)
  expect(own).toEqual([
    ['pages', 'Pages'],
    ['audio', 'Audio (seconds)'],
  ])
  expect([measureName('audio', OWN), toMeasure('audio', OWN), toMeasure('seats', OWN)]).toEqual([
    'Audio (seconds)',
    'audio',
    'requests',
  ])
  expect(['audio', 'tokens', 'api_calls'].map((name) => describeMeasure(name, OWN))).toEqual([
    'Audio (seconds)',
    'tokens',
    'API calls',
  ])
  expect(['audio', 'cost_usd', 'tokens'].map((name) => smallestOf(name) < 0.001)).toEqual([true, true, false])
})

test('the value of a measure is its own sum, or that of the meter; without use it is 0', () => {
  const sums = { requests: 4, cost_usd: '0.50', quantities: { pages: 7 } } as unknown as UsageSums
  expect(['requests', 'cost_usd', 'pages', 'audio'].map((name) => measureValue(sums, name))).toEqual([4, 0.5, 7, 0])
})

test('the built-in meters come first, then all custom ones of an organization', () => {
  const meters = { pages: {}, tokens: {}, audio: {} } as unknown as Parameters<typeof listMeters>[0]['meters']
  expect(listMeters({ meters } as Parameters<typeof listMeters>[0])).toEqual([
    'api_calls',
    'queries',
    'tokens',
    'cost_usd',
    'concepts',
    'storage_gb',
    'pages',
    'audio',
  ])
})
