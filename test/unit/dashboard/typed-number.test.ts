import { expect, test } from 'vitest'
import { describeTypedMoney, readTypedDecimal, readTypedNumber } from '../../../dashboard/src/lib/typed-number.ts'
import { toLimit, toLimits } from '../../../dashboard/src/screens/keys/limit-form.ts'
import { readOverage } from '../../../dashboard/src/screens/operator-plans/overage-lines.ts'
import { NEW_PLAN, toPlanBody } from '../../../dashboard/src/screens/operator-plans/plan-form.ts'
import { readPrice } from '../../../dashboard/src/screens/operator-plans/price-lines.ts'

test.each([
  ['10', '10'],
  ['10.50', '10.50'],
  ['10,50', '10.50'],
  ['10,5', '10.5'],
  ['0,00002', '0.00002'],
  ['0,005', '0.005'],
  [',5', '0.5'],
  ['.5', '0.5'],
  ['10,', '10'],
  ['10.', '10'],
  ['10,500', '10500'],
  ['1000,500', '1000.500'],
  ['1,000.50', '1000.50'],
  ['1,000,000', '1000000'],
  ['1 000,50', '1000.50'],
  ['1\u202F000\u00A0000,5', '1000000.5'],
  ['$1,000.50', '1000.50'],
  [' -$5 ', '-5'],
  ['\u221210,50', '-10.50'],
])('%j is read as %s', (typed, read) => {
  expect(readTypedDecimal(typed)).toBe(read)
  expect(readTypedNumber(typed)).toBe(Number(read))
})

test.each([
  '1.000,50',
  '1,00,000',
  '1,000.50.1',
  '1.000.000',
  '1,0000,000',
  '0,000,001',
  '1 0',
  '0x10',
  'ten',
  '1e3x',
  '$',
  '-',
])('%j is left as it is, so that the server refuses it', (typed) => {
  expect(readTypedDecimal(typed)).toBe(typed)
  expect(readTypedNumber(typed)).toBe(typed)
  expect(describeTypedMoney(typed)).toBeUndefined()
})

test('a number may have an exponent, as JSON writes very small ones', () => {
  expect(readTypedNumber('1e-7')).toBe(1e-7)
})

test('a number that may be a thousand or a one is left as it is', () => {
  expect(readTypedNumber('1.000')).toBe('1.000')
  expect(readTypedNumber('1.125')).toBe(1.125)
})

test('nothing typed is no number and no amount', () => {
  expect(readTypedNumber(' ')).toBeNull()
  expect(readTypedDecimal(' ')).toBe('')
  expect(describeTypedMoney(' ')).toBeUndefined()
})

test('money is shown as it was read', () => {
  expect(describeTypedMoney('10,50')).toBe('$10.50')
  expect(describeTypedMoney('10,500')).toBe('$10,500.00')
  expect(describeTypedMoney('1.000')).toBe('$1.00')
  expect(describeTypedMoney('0,000002')).toBe('$0.000002')
})

const LIMIT = {
  name: 'budget',
  meter: 'cost_usd',
  limit: '10,50',
  span: 'day',
  isPerSubject: false,
  cost: '1',
} as const

test('a decimal comma is understood in limits, prices, overage and plans', () => {
  expect(toLimit(LIMIT)).toMatchObject({ limit: '10.50' })
  expect(toLimits([LIMIT])).toMatchObject([{ limit: '10.50' }])
  expect(toLimits([{ ...LIMIT, meter: 'tokens', limit: '1,000' }])).toMatchObject([{ limit: 1_000 }])
  expect(toLimits([{ ...LIMIT, meter: 'tokens', limit: '1.000' }])).toBeUndefined()
  expect(readPrice('month usd 19,90 seat=4,50')).toMatchObject({ amount_cents: 1_990, seat_amount_cents: 450 })
  expect(readOverage('1,000 0,002\nrest 0,001').tiers).toEqual([
    { up_to: 1_000, unit_price_usd: '0.002' },
    { up_to: null, unit_price_usd: '0.001' },
  ])
  const plan = { ...NEW_PLAN, markup: '1,5', callPrice: '0,0005', credits: '10,50', rollover: '5,5', trial: '14' }
  expect(toPlanBody({ ...plan, limits: { cost_usd: '10,50', storage_gb: '1,5' } })).toMatchObject({
    markup_percent: 1.5,
    price_per_call_usd: '0.0005',
    included_credits_usd: '10.50',
    rollover_max_usd: '5.5',
    trial_days: 14,
    limits: { meters: { cost_usd: { limit: '10.50' }, storage_gb: { limit: 1.5 } } },
  })
})
