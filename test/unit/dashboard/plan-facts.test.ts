import { expect, test } from 'vitest'
import type { BillingInfoUsageMeters, CataloguePlan } from '../../../dashboard/src/api/types.ts'
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
    max_concurrent: null,
    key_max_concurrent: null,
    key_limits: [],
    seats: null,
  }) as unknown as CataloguePlan

const used = (images: number) => ({ images: { used: images } }) as unknown as BillingInfoUsageMeters

test('a plan shows the limits of the operator`s own meters, and how they differ from those of the present plan', () => {
  const own = { images: { name: 'Generated pictures', unit: 'pictures', kind: 'counter' } } as const
  const facts = comparePlans(planWith('small', 100), planWith('large', 500), own)
  expect(facts.find(({ name }) => name === 'Generated pictures')).toMatchObject({
    value: '100 pictures',
    difference: 'less',
  })
  expect(comparePlans(planWith('small', 100), undefined, {}).map(({ name }) => name)).toContain('Images')
})

test('a plan shows its credits, what every key is limited to, and how much may be reserved at once', () => {
  const key_limits = [{ name: 'bursts', meter: 'tokens' as const, limit: 20_000, window_seconds: 60 }]
  const sold = {
    ...planWith('large', 500),
    key_limits,
    included_credits_usd: '20.000000',
    max_concurrent: 8,
  } as CataloguePlan
  const facts = comparePlans({ ...sold, rollover_max_usd: '5.000000' }, planWith('small', 500), {})
  const said = Object.fromEntries(facts.map(({ name, value, note }) => [name, note ? `${value}, ${note}` : value]))
  expect(said).toMatchObject({
    'Credits each period': '$20.00, up to $5.00 of the rest stays',
    'Each key: Bursts': '20,000 tokens in any minute',
    'Reservations at once': '8',
  })
  expect(facts.find(({ name }) => name === 'Reservations at once')?.difference).toBe('other') // no limit before
})

test('two facts of one name are compared each with its own', () => {
  const own = { images: { name: 'API keys', unit: 'keys', kind: 'counter' } } as const
  const facts = comparePlans(planWith('small', 100), planWith('large', 500), own).filter(
    ({ name }) => name === 'API keys',
  )
  expect(facts.map(({ difference }) => difference)).toEqual(['less', 'same'])
  expect(new Set(facts.map(({ id }) => id)).size).toBe(2)
})

test('a smaller plan warns of use of an own meter from its limit on', () => {
  expect(exceededBy(planWith('small', 100), used(99))).toEqual([])
  expect(exceededBy(planWith('small', 100), used(100))).toEqual([{ meter: 'images', used: 100 }])
})
