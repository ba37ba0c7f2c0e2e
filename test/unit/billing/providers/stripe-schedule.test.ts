import { expect, test } from 'vitest'
import { phasesAgain, phasesFrom } from '../../../../src/billing/providers/stripe-schedule.ts'
import { encodeForm, StripeSchedule } from '../../../../src/billing/providers/stripe-shapes.ts'

const [START, END, SPRING] = [1_793_491_200, 1_796_083_200, 1_804_000_000]
const OF_PLANS = ['price_pro', 'price_pro_tokens', 'price_basic', 'price_basic_tokens']
const TO_BASIC = {
  plan: { product: 'price_basic' },
  meteredProducts: ['price_basic_tokens'],
  ofPlans: OF_PLANS,
  planPrice: 'price_pro',
}
const SUPPORT = { price: 'price_support', quantity: 3, plan: 'price_support', metadata: { of: 'sales' }, tax_rates: [] }
const PHASE = {
  start_date: START,
  end_date: END,
  trial_end: START + 60,
  add_invoice_items: [{ price: 'price_setup', quantity: 1 }],
  items: [
    SUPPORT,
    { price: 'price_pro', quantity: 10, discounts: [{ coupon: 'ten_off', discount: 'di_1', promotion_code: null }] },
    { price: 'price_pro_tokens' },
    { price: 'price_metered_of_sales' },
  ],
  metadata: { contract: '7' },
  default_tax_rates: [{ id: 'txr_1', object: 'tax_rate', percentage: 19 }],
  automatic_tax: { enabled: true, disabled_reason: null, liability: { type: 'self' } },
  coupon: null,
  something_new: { of: 'tomorrow' },
}

function phases(schedule: object, swap = TO_BASIC): any[] {
  return phasesFrom(StripeSchedule.parse({ id: 'sub_sched_1', ...schedule }), END, swap)
}

test('the next phase has the new plan with its metered prices, and keeps everything else of the current one', () => {
  const [now, next, ...others] = phases({ phases: [PHASE] })
  expect(others).toEqual([])
  const kept = {
    metadata: { contract: '7' },
    default_tax_rates: ['txr_1'],
    automatic_tax: { enabled: true, liability: { type: 'self' } },
    something_new: { of: 'tomorrow' },
  }
  const support = { price: 'price_support', quantity: 3, metadata: { of: 'sales' } }
  const plan = { quantity: 10, discounts: [{ discount: 'di_1' }] }
  const sales = { price: 'price_metered_of_sales' }
  expect(now).toEqual({
    ...kept,
    start_date: START,
    end_date: END,
    trial_end: START + 60,
    add_invoice_items: [{ price: 'price_setup', quantity: 1 }],
    items: [support, { ...plan, price: 'price_pro' }, { price: 'price_pro_tokens' }, sales],
  })
  expect(next).toEqual({
    ...kept,
    start_date: END,
    proration_behavior: 'create_prorations',
    items: [{ ...plan, price: 'price_basic' }, support, sales, { price: 'price_basic_tokens' }],
  })
  expect(decodeURIComponent(encodeForm({ phases: [now] }))).not.toMatch(/null|undefined|object/)
})

test('phases planned for later stay, with the new plan in them; past ones are omitted', () => {
  const before = { ...PHASE, start_date: START - 100, end_date: START }
  const later = {
    start_date: SPRING,
    items: [
      { price: 'price_pro', quantity: 20 },
      { price: 'price_training', quantity: 1 },
    ],
  }
  const current_phase = { start_date: START, end_date: SPRING }
  const told = phases({ current_phase, phases: [before, { ...PHASE, end_date: SPRING }, later] })
  expect(told.map(({ start_date, end_date }) => [start_date, end_date])).toEqual([
    [START, END],
    [END, SPRING],
    [SPRING, undefined],
  ])
  expect(told[2].items).toEqual([
    { price: 'price_basic', quantity: 20 },
    { price: 'price_training', quantity: 1 },
    { price: 'price_basic_tokens' },
  ])
})

test('another choice for the next period replaces the earlier one', () => {
  const planned = phases({ phases: [PHASE] })
  const again = phases({ phases: planned }, { ...TO_BASIC, plan: { product: 'price_mini' }, meteredProducts: [] })
  expect(again).toHaveLength(2)
  expect(again[1].items.map(({ price }: { price: string }) => price)).toEqual([
    'price_mini',
    'price_support',
    'price_metered_of_sales',
  ])
})

test('a recreated schedule has what Stripe derives from the subscription now, followed by what was planned', () => {
  const parse = (schedule: object) => StripeSchedule.parse({ id: 'sub_sched_1', ...schedule })
  const before = { ...PHASE, start_date: START - 100, end_date: START }
  const later = { start_date: SPRING, items: [{ price: 'price_mini', quantity: 1 }], metadata: { contract: '8' } }
  const released = parse({
    current_phase: { start_date: START, end_date: SPRING },
    phases: [later, { ...PHASE, end_date: SPRING }, before],
  })
  const now = { start_date: START + 50, end_date: END, items: [{ price: 'price_pro', quantity: 10 }] }
  expect(phasesAgain(parse({ phases: [now] }), released)).toEqual([{ ...now, end_date: SPRING }, later])
})
