import { describe, expect, test } from 'vitest'
import type { PriceKind } from '../../../../src/db/schema/shapes.ts'
import { listPrices } from '../../../../src/usage/pricing/list.ts'
import { selectOwnRates, toPrice } from '../../../../src/usage/pricing/own-prices.ts'
import { priceExactly, priceTokens } from '../../../../src/usage/pricing/price.ts'

const AT = Date.parse('2026-11-21T12:00:00Z')
const none = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 }

/** A price of a million tokens that began at 1000, unless it says otherwise. */
const price = (provider: string, model: string, usd: string, { kind = 'input', from = 1_000 }: Extra = {}) =>
  toPrice({ provider, model, kind, usd, valid_from: from })

interface Extra {
  readonly kind?: PriceKind
  readonly from?: number
}

/** Picodollars for a token of input. */
const inputRate = (prices: readonly ReturnType<typeof price>[], model: string, provider?: string, at = AT) =>
  selectOwnRates(prices, { provider, model, at }).input

describe('among several prices of a model', () => {
  const prices = [
    price('*', '*', '0.000000000001'),
    price('*', 'gpt-*', '0.000000000002'),
    price('openai', 'gpt-*', '0.000000000003'),
    price('*', 'gpt-4*o', '0.000000000004'),
    price('*', 'gpt-4o', '0.000000000005'),
    price('openai', 'gpt-4o', '0.000000000006'),
  ].toReversed()

  test.each([
    ['its name comes before any pattern, of its provider before of any', 'openai', 'gpt-4o', 6n],
    ['its name comes before a pattern of its provider', 'azure', 'gpt-4o', 5n],
    ['a longer pattern comes before a shorter one of its provider', 'openai', 'gpt-4-turbo-o', 4n],
    ['a pattern of its provider comes before the same of any', 'openai', 'gpt-3', 3n],
    ['a pattern comes before everything', 'azure', 'gpt-3', 2n],
    ['everything comes last', 'azure', 'claude', 1n],
    ['the provider may follow from the name', undefined, 'GPT-4o ', 6n],
    ['the provider may stand in the name', undefined, 'openai/gpt-4o', 6n],
    ['a router is no provider of its own', 'openrouter', 'openai/gpt-4o', 6n],
  ])('%s', (_, provider, model, pico) => {
    expect(inputRate(prices, model, provider)).toBe(pico)
  })

  test('the newest effective one applies, exactly from its start', () => {
    const dated = [1_000, 3_000, 2_000].map((from) => price('openai', 'gpt-4o', `0.00000000${from}`, { from }))
    const at = (moment: number) => inputRate(dated, 'gpt-4o', 'openai', moment)
    expect([999, 1_000, 1_999, 2_000, 2_999, 3_000, AT].map(at)).toEqual(
      [undefined, 1_000, 1_000, 2_000, 2_000, 3_000, 3_000].map((pico) => pico && BigInt(pico)),
    )
    const exact = price('openai', 'gpt-4o', '0.000000000007', { from: 500 })
    const newer = price('openai', 'gpt-4*', '0.000000000008', { from: 900 })
    expect(inputRate([newer, exact], 'gpt-4o', 'openai')).toBe(7n)
  })
})

test.each([
  ['gpt-4o', 'gpt-4o', true],
  ['gpt-4o', 'gpt-4o-mini', false],
  ['gpt-4o*', 'gpt-4o', true],
  ['*-mini', 'gpt-4o-mini', true],
  ['*-mini', 'gpt-4o-mini-2', false],
  ['gpt*mini*7', 'gpt-4o-mini-2027', true],
  ['a*a', 'a', false],
  ['a*b*a', 'aba', true],
  ['a*b*a', 'ab', false],
  ['*', 'anything', true],
  ['a.c', 'abc', false],
])('the pattern %s matches %s: %j', (pattern, model, isFitting) => {
  expect(inputRate([price('*', pattern, '0.1')], model, 'mine') !== undefined).toBe(isFitting)
})

test('a dated name is recognized with dashes and without', () => {
  expect(inputRate([price('*', 'mine-2026-03-05', '0.1')], 'mine-20260305')).toBeDefined()
})

describe('a custom price', () => {
  const used = { ...none, model: 'gpt-4o', at: AT }

  test('overrides the list, only for its own kind', () => {
    const own = { input: 1_000_000n }
    expect(priceTokens({ ...used, inputTokens: 1_000_000 }, own)).toBe('1.000000')
    expect(priceTokens({ ...used, inputTokens: 1_000_000, cachedTokens: 1_000_000 }, own)).toBe('1.250000')
    expect(priceTokens({ ...used, outputTokens: 1_000_000 }, own)).toBe('10.000000')
  })

  test('prices a model that the list does not know, and no kind of tokens that it does not name', () => {
    const mine = { ...used, model: 'mine' }
    const own = { input: 2_000_000n, output: 3_000_000n }
    expect(priceTokens({ ...mine, inputTokens: 500_000, outputTokens: 1_000_000 }, own)).toBe('4.000000')
    const kinds = { cachedTokens: 1, cacheWriteTokens: 1, audioInputTokens: 1, audioOutputTokens: 1 }
    for (const kind of Object.keys(kinds))
      expect(priceTokens({ ...mine, inputTokens: 10, outputTokens: 10, [kind]: 1 }, own), kind).toBeUndefined()
    const all = { ...own, cached: 1n, cache_write: 10n, audio_input: 100n, audio_output: 1_000n }
    expect(priceExactly({ ...mine, inputTokens: 4, outputTokens: 2, ...kinds }, all)).toBe('0.000005001111')
  })

  test('of a request is added to that of its tokens, and applies without any', () => {
    expect(priceTokens({ ...used, inputTokens: 1_000_000 }, { request: 5_000_000_000n })).toBe('2.505000')
    expect(priceTokens({ ...used, model: 'mine' }, { request: 5_000_000_000n })).toBe('0.005000')
  })

  test('of an image applies to each of them', () => {
    expect(priceTokens({ ...used, images: 3 }, { image: 40_000_000_000n })).toBe('0.120000')
  })

  test('prices cached input without its own rate like the operator’s other input', () => {
    const mistral = { ...used, model: 'mistral-large-latest', inputTokens: 1_000_000, cachedTokens: 400_000 }
    expect(priceTokens(mistral, { input: 1_000_000n })).toBe('1.000000')
  })
})

describe('the list of prices', () => {
  const asked = { at: AT, own: [price('openai', 'gpt-4o', '0.000001'), price('acme', 'mine', '0.000002')] }
  const find = (markupPercent: string, provider: string | undefined, model: string) =>
    listPrices({ provider, model }, { ...asked, markupPercent }).data

  test('contains the operator’s own, and with a markup what a customer pays', () => {
    expect(find('0', 'openai', 'gpt-4o')).toMatchObject([{ input_usd: '1.000000', output_usd: '10.000000' }])
    expect(find('12.5', undefined, 'openai/gpt-4o')).toMatchObject([{ input_usd: '1.125000', output_usd: '11.250000' }])
    expect(find('0', 'acme', 'mine')).toMatchObject([
      { provider: 'acme', model: 'mine', input_usd: '2.000000', output_usd: null, audio_input_usd: null },
    ])
    expect(find('0', 'acme', 'other')).toEqual([])
    const { data } = listPrices({ provider: 'acme' }, { ...asked, markupPercent: '0' })
    expect(data.map(({ model }) => model)).toEqual(['mine'])
    expect(listPrices({}, { ...asked, markupPercent: '0' }).data.length).toBeGreaterThan(600)
  })
})
