import { expect, test } from 'vitest'
import type { Plan } from '../../../dashboard/src/api/types.ts'
import { describePlanChanges, toPlanChanges } from '../../../dashboard/src/screens/operator-plans/plan-changes.ts'
import { NEW_PLAN, toPlanBody, toPlanForm } from '../../../dashboard/src/screens/operator-plans/plan-form.ts'

/** Each field has something that a form could lose. */
const PLAN = {
  id: 'full',
  name: 'Full',
  prices: [
    {
      interval: 'month',
      currency: 'usd',
      amount_cents: 1_900,
      seat_amount_cents: 500,
      stripe_price_id: 'price_1=a',
      polar_product_id: '0b5c',
    },
    { interval: 'year', currency: 'jpy', amount_cents: 19_000 },
    { interval: 'year', currency: 'usd', amount_cents: null },
  ],
  trial_days: 14,
  seats: { included: 3, max: 50 },
  addons: [
    {
      id: 'more',
      name: 'More: tokens and seats',
      prices: [{ interval: 'month', currency: 'usd', amount_cents: 900, stripe_price_id: 'price_2' }],
      limits: { meters: { tokens: 1_000_000, seats: 2 }, max_api_keys: 5, seats: 1 },
    },
  ],
  limits: {
    rate_limit_per_minute: 300,
    max_api_keys: 50,
    key_max_concurrent: 4,
    max_concurrent: 20,
    key_limits: [
      { name: 'tokens', meter: 'tokens', limit: 20_000, window_seconds: 60 },
      { name: 'budget', meter: 'cost_usd', limit: '10.5', period: 'month', per: 'subject' },
      { name: 'exports', limit: 5, window_seconds: 86_400, cost: 0 },
      { name: 'audio', meter: 'audio', limit: 0.5, period: 'day' },
    ],
    organization_limits: [
      { name: 'tokens', meter: 'tokens', limit: 2_000_000, window_seconds: 60 },
      { name: 'budget', meter: 'cost_usd', limit: '500', period: 'day', per: 'subject' },
      { name: 'hourly', limit: 10_000, period: 'hour', cost: 1 },
    ],
    meters: {
      api_calls: { limit: 1_000_000, at_limit: 'allow' },
      tokens: { limit: null, at_limit: 'allow' },
      cost_usd: { limit: '500.000000', at_limit: 'block' },
      images: { limit: 12.5, at_limit: 'block' },
    },
  },
  features: { beta: true, seats: 5, text: '10', no: 'false', quoted: '"yes"', zeros: '007', lines: 'a\nb', empty: '' },
  overage: {
    api_calls: {
      tiers: [
        { up_to: 5_000_000, unit_price_usd: '0.00002' },
        { up_to: null, unit_price_usd: '0.000016' },
      ],
      polar_event: 'calls made',
      stripe_meter: 'Calls = all',
      stripe_price_id: 'price_3',
    },
  },
  included_credits_usd: '20.000000',
  rollover_max_usd: '5.000000',
  at_no_credits: 'allow',
  price_per_call_usd: '0.000500',
  markup_percent: 12.5,
  is_public: true,
  sort_order: 7,
  version: 1,
  replaced_at: null,
  organization_count: 2,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
} as unknown as Plan

const FORM = toPlanForm(PLAN)

test('the form contains everything that a plan has, reads back the same, and drops trailing zeros of dollars', () => {
  const { version: _, replaced_at: _r, organization_count: _o, created_at: _c, updated_at: _u, ...known } = PLAN
  expect(toPlanBody(FORM)).toEqual({
    ...known,
    included_credits_usd: '20.00',
    rollover_max_usd: '5.00',
    price_per_call_usd: '0.0005',
    limits: { ...known.limits, meters: { ...known.limits.meters, cost_usd: { limit: '500.00', at_limit: 'block' } } },
  })
})

test('saving sends only what was changed, and an unchanged form changes nothing', () => {
  expect(toPlanChanges(FORM, FORM)).toEqual({})
  expect(toPlanChanges(FORM, { ...FORM, name: 'Fuller', concurrent: '', rollover: '', atNoCredits: 'block' })).toEqual({
    name: 'Fuller',
    rollover_max_usd: null,
    at_no_credits: 'block',
    limits: { max_concurrent: null },
  })
})

test('each meter, overage and feature is sent separately, and null removes one', () => {
  const after = {
    ...FORM,
    limits: { ...FORM.limits, images: '', queries: '1,000' },
    tiers: { ...FORM.tiers, api_calls: '' },
    features: FORM.features.replace('beta=true\n', '').replace('seats=5', 'seats=6'),
  }
  expect(toPlanChanges(FORM, after)).toEqual({
    limits: { meters: { images: null, queries: { limit: 1_000, at_limit: 'block' } } },
    overage: { api_calls: null },
    features: { beta: null, seats: 6 },
  })
})

test('credits, key limits and concurrent reservations are listed before and after the change', () => {
  const [, budget] = FORM.keyLimits
  const after = {
    ...FORM,
    credits: '',
    atNoCredits: 'block' as const,
    keyLimits: budget ? [budget] : [],
    keyConcurrent: '5',
  }
  expect(describePlanChanges(FORM, after, {})).toEqual([
    ['Credits per period, US dollars', '20.00', 'None'],
    ['When credits are used up', 'Calls continue', 'Calls are refused'],
    [
      'Limits of every key',
      'tokens: 20,000 tokens in any minute, budget: $10.50 per month, per subject, exports: 5 requests in any 24 hours, 0 per request, audio: 0.5 audio per day',
      'budget: $10.50 per month, per subject',
    ],
    ['Concurrent reservations per key', '4', '5'],
  ])
})

test('text that is not a number is sent as typed: null would mean no limit, or a negotiated price', () => {
  const body = toPlanBody({
    ...NEW_PLAN,
    prices: 'month usd ten\nyear usd',
    concurrent: 'five',
    limits: { tokens: 'many' },
    tiers: { tokens: 'most 0.1' },
  })
  expect(body.prices.map(({ amount_cents }) => amount_cents)).toEqual(['ten', ''])
  expect(body.limits).toMatchObject({ max_concurrent: 'five', meters: { tokens: { limit: 'many' } } })
  expect(body.overage['tokens']).toEqual({ tiers: [{ up_to: 'most', unit_price_usd: '0.1' }] })
})
