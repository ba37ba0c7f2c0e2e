import { afterEach, expect, test, vi } from 'vitest'
import { openStripe } from '../../../../src/billing/providers/stripe.ts'
import { directly } from '../../../support/direct.ts'
import { answering, json } from '../../../support/provider-answers.ts'

afterEach(() => vi.restoreAllMocks())

const END = 1_796_083_200
const ofItem = (id: string, price: string, quantity: number) => ({
  id,
  quantity,
  current_period_start: 1_793_491_200,
  current_period_end: END,
  price: { id: price, unit_amount: 100, currency: 'usd', recurring: { usage_type: 'licensed' } },
})
const BOUGHT = {
  id: 'sub_1',
  status: 'active',
  customer: 'cus_1',
  created: 1_793_491_200,
  cancel_at_period_end: false,
  items: { data: [ofItem('si_addon', 'price_addon', 5), ofItem('si_plan', 'price_pro', 1)] },
}
const CHANGE = {
  subscriptionId: 'sub_1',
  plan: { product: 'price_business' },
  addons: [{ product: 'price_addon', quantity: 5 }],
  ofPlans: ['price_addon', 'price_pro', 'price_business'],
  planProducts: ['price_pro', 'price_business'],
  idempotencyKey: 'change-1',
}
const bodyOf = (asked: { body: string } | undefined) => Object.fromEntries(new URLSearchParams(asked?.body))

test('an add-on listed before the plan is not mistaken for it: the plan changes, and the add-on stays unchanged', async () => {
  const asked = answering(json(BOUGHT), json({}), json(BOUGHT))
  await openStripe(directly().config).changePlan({ ...CHANGE, when: 'now' })
  expect(bodyOf(asked[1])).toMatchObject({ 'items[0][id]': 'si_plan', 'items[0][price]': 'price_business' })
  expect(asked[1]?.body).not.toContain('addon')
})

test('nor in the phase that begins with the next period', async () => {
  const items = [
    { price: 'price_addon', quantity: 5 },
    { price: 'price_pro', quantity: 1 },
  ]
  const schedule = { id: 'sub_sched_1', phases: [{ start_date: 1_793_491_200, end_date: END, items }] }
  const asked = answering(json(BOUGHT), json(schedule), json({}), json(BOUGHT))
  await openStripe(directly().config).changePlan({ ...CHANGE, when: 'period_end' })
  expect(bodyOf(asked[2])).toMatchObject({
    'phases[1][items][0][price]': 'price_business',
    'phases[1][items][0][quantity]': '1',
    'phases[1][items][1][price]': 'price_addon',
    'phases[1][items][1][quantity]': '5',
  })
})
