import { expect, test } from 'vitest'
import type { BillingInfoUsageMeters, CatalogPlan } from '../../../dashboard/src/api/types.ts'
import { comparePlans, exceededBy } from '../../../dashboard/src/screens/billing/plan-facts.ts'

const NONE = { limit: null, at_limit: 'block' } as const
const BUILT_IN = { api_calls: NONE, queries: NONE, tokens: NONE, concepts: NONE, storage_gb: NONE, cost_usd: NONE }

const planWith = (id: string, images: number) =>
  ({
    id,
    rate_limit_per_minute: 60,
    max_api_keys: 5,
    meters: { ...BUILT_IN, images: { limit: images, at_limit: 'block' } },
    overage: {},
    features: {},
    price_per_call_usd: null,
    included_credits_usd: null,
    rollover_max_usd: null,
    at_no_credits: 'block',
    max_concurrent: null,
    key_max_concurrent: null,
    key_limits: [],
    organization_limits: [],
    seats: null,
  }) as unknown as CatalogPlan

const used = (images: number) => ({ images: { used: images } }) as unknown as BillingInfoUsageMeters

test('a plan shows the limits of custom meters, and how they differ from those of the current plan', () => {
  const own = { images: { name: 'Generated pictures', unit: 'pictures', kind: 'counter' } } as const
  const facts = comparePlans(planWith('small', 100), planWith('large', 500), own)
  expect(facts.find(({ name }) => name === 'Generated pictures')).toMatchObject({
    value: '100 pictures',
    difference: 'less',
  })
  expect(comparePlans(planWith('small', 100), undefined, {}).map(({ name }) => name)).toContain('Images')
})

test('a plan shows its credits, the limits of every key, and the maximum of concurrent reservations', () => {
  const key_limits = [{ name: 'bursts', meter: 'tokens' as const, limit: 20_000, window_seconds: 60 }]
  const sold = {
    ...planWith('large', 500),
    key_limits,
    organization_limits: [{ ...key_limits[0], per: 'subject', limit: 1_000 }],
    included_credits_usd: '20.000000',
    max_concurrent: 8,
  } as CatalogPlan
  const facts = comparePlans({ ...sold, rollover_max_usd: '5.000000' }, planWith('small', 500), {})
  const said = Object.fromEntries(facts.map(({ name, value, note }) => [name, note ? `${value}, ${note}` : value]))
  expect(said).toMatchObject({
    'Credits per period': '$20.00, up to $5.00 rolls over',
    'Each key: Bursts': '20,000 tokens in any minute',
    'All keys together: Bursts': '1,000 tokens in any minute, per subject',
    'Concurrent reservations': '8',
  })
  expect(facts.find(({ name }) => name === 'Concurrent reservations')?.difference).toBe('other') // no limit before
})

test('two entries with the same name are compared separately', () => {
  const own = { images: { name: 'API keys', unit: 'keys', kind: 'counter' } } as const
  const facts = comparePlans(planWith('small', 100), planWith('large', 500), own).filter(
    ({ name }) => name === 'API keys',
  )
  expect(facts.map(({ difference }) => difference)).toEqual(['less', 'same'])
  expect(new Set(facts.map(({ id }) => id)).size).toBe(2)
})

test('a smaller plan warns if the use of a custom meter exceeds its limit', () => {
  expect(exceededBy(planWith('small', 100), used(99))).toEqual([])
  expect(exceededBy(planWith('small', 100), used(100))).toEqual([{ meter: 'images', used: 100 }])
})

test('a plan says what happens when credits are used up, if it includes some or goes on without', () => {
  const read = (more: object) =>
    comparePlans({ ...planWith('small', 1), ...more }, undefined, {}).find(({ name }) => name === 'Without credits')
      ?.value
  expect(read({})).toBeUndefined()
  expect(read({ included_credits_usd: '20.000000' })).toBe('Calls are refused')
  expect(read({ at_no_credits: 'allow' })).toBe('Calls continue')
})
