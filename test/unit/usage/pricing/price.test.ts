import { describe, expect, test } from 'vitest'
import { priceTokens } from '../../../../src/usage/pricing/price.ts'

const AT = Date.parse('2026-11-21T12:00:00Z')
const none = {
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  audioInputTokens: 0,
  audioOutputTokens: 0,
}
const cost = (model: string, used: Partial<typeof none>, provider?: string, at = AT) =>
  priceTokens({ provider, model, at, ...none, ...used })

/** US dollars per million tokens: input, output, cached input. */
test.each([
  ['openai', 'gpt-5.6-sol', [4, 20, 0.4]],
  ['openai', 'gpt-5.6-terra', [2, 12, 0.2]],
  ['openai', 'gpt-5.6-luna', [0.2, 1.2, 0.02]],
  ['openai', 'gpt-5.5', [5, 30, 0.5]],
  ['openai', 'gpt-5', [1.25, 10, 0.125]],
  ['openai', 'gpt-5-nano', [0.05, 0.4, 0.005]],
  ['openai', 'gpt-4o-mini', [0.15, 0.6, 0.075]],
  ['openai', 'o3', [2, 8, 0.5]],
  ['openai', 'text-embedding-3-small', [0.02, 0, 0.02]],
  ['anthropic', 'claude-opus-5-5', [4, 20, 0.2]],
  ['anthropic', 'claude-opus-4-6', [5, 25, 0.5]],
  ['anthropic', 'claude-fable-5-1', [10, 50, 0.25]],
  ['anthropic', 'claude-sonnet-4-5-20250929', [3, 15, 0.3]],
  ['anthropic', 'claude-haiku-4-5', [1, 5, 0.1]],
  ['google', 'gemini-3.1-pro-preview', [2, 12, 0.2]],
  ['google', 'gemini-3.7-flash', [0.75, 3.75, 0.075]],
  ['google', 'gemini-2.5-flash-lite', [0.1, 0.4, 0.01]],
  ['deepseek', 'deepseek-chat', [0.27, 1.1, 0.07]],
  ['mistral', 'mistral-large-latest', [2, 6, 2]],
  ['x-ai', 'grok-4', [3, 15, 0.75]],
  ['groq', 'llama-3.3-70b-versatile', [0.59, 0.79, 0.59]],
] as const)('%s %s costs %j', (provider, model, [input, output, cached]) => {
  const usd = (perMillion: number) => (perMillion / 10).toFixed(6)
  expect(cost(model, { inputTokens: 100_000 }, provider)).toBe(usd(input))
  expect(cost(model, { outputTokens: 100_000 }, provider)).toBe(usd(output))
  expect(cost(model, { inputTokens: 100_000, cachedTokens: 100_000 }, provider)).toBe(usd(cached))
})

test('gpt-5.6-sol costs what it cost at the time of use', () => {
  const used = { inputTokens: 1_000, outputTokens: 1_000, cachedTokens: 500 }
  const change = Date.parse('2026-08-21T00:00:00Z')
  expect(cost('gpt-5.6-sol', used, 'openai', change - 1)).toBe('0.032750')
  expect(cost('gpt-5.6-sol', used, 'openai', change)).toBe('0.022200')
  expect(cost('gpt-5.6-sol', used, 'openai', change + 1)).toBe('0.022200')
  expect(cost('gpt-5.6-sol', used, 'openai', 0)).toBe('0.032750')
})

test('if the hour matters, it is the hour of use in UTC, from the first minute up to the end', () => {
  const at = (time: string) =>
    cost('deepseek-chat', { inputTokens: 1_000_000 }, 'deepseek', Date.parse(`2026-11-21T${time}Z`))
  expect(['00:29:59.999', '00:30:00', '16:29:59.999', '16:30:00'].map(at)).toEqual([
    '0.135000',
    '0.270000',
    '0.270000',
    '0.135000',
  ])
})

test('above its threshold a long context raises the price of the whole request, and cached tokens count toward it', () => {
  const sol = (inputTokens: number, cachedTokens = 0) =>
    cost('gpt-5.6-sol', { inputTokens, cachedTokens, outputTokens: 1_000 })
  expect(sol(271_999)).toBe('1.107996')
  expect(sol(272_000)).toBe('2.206000')
  expect(sol(272_000, 272_000)).toBe('0.247600')
})

describe('counted tokens', () => {
  test('input includes everything: cached tokens are subtracted from it, and at most all of it', () => {
    expect(cost('gpt-5', { inputTokens: 1_000, cachedTokens: 400 })).toBe('0.000800')
    expect(cost('gpt-5', { inputTokens: 1_000, cachedTokens: 1_001 })).toBe('0.000125')
  })

  test('are rounded once, half up, to the nano-dollar', () => {
    const nano = (inputTokens: number) => cost('gpt-5-nano', { inputTokens }) // 50 nano-dollars each
    expect([0, 9, 10, 11, 29, 30].map(nano)).toEqual([
      '0.000000',
      '0.00000045',
      '0.0000005',
      '0.00000055',
      '0.00000145',
      '0.0000015',
    ])
    expect(cost('gpt-5-nano', { inputTokens: 9, outputTokens: 1 })).toBe('0.00000085')
    expect(cost('gpt-5-nano', { inputTokens: 1, cachedTokens: 1 })).toBe('0.000000005')
  })

  test('are exact for any number of tokens', () => {
    expect(cost('claude-fable-5', { inputTokens: 999_999_999_999, outputTokens: 1 })).toBe('10000000.000040')
    expect(cost('gpt-5', { inputTokens: Number.MAX_SAFE_INTEGER })).toBe('11258999068.42623875')
  })
})

describe('kinds of tokens', () => {
  const all = { inputTokens: 1_000_000, outputTokens: 1_000_000 }

  test('written to a cache cost what the list says, or as other input', () => {
    expect(cost('claude-sonnet-4-5', { inputTokens: 100_000, cacheWriteTokens: 100_000 })).toBe('0.375000')
    expect(cost('gpt-4o', { inputTokens: 100_000, cacheWriteTokens: 100_000 })).toBe('0.250000')
  })

  test('of audio have their own price, or none if the list has none', () => {
    const sonic = (used: Partial<typeof none>) => cost('amazon.nova-2-sonic-v1:0', used, 'aws')
    expect(sonic({ inputTokens: 1_000_000, audioInputTokens: 1_000_000 })).toBe('3.000000')
    expect(sonic({ outputTokens: 1_000_000, audioOutputTokens: 500_000 })).toBe('7.375000')
    expect(cost('gpt-4o', { ...all, audioInputTokens: 1 })).toBeUndefined()
    expect(cost('gpt-4o', { ...all, audioOutputTokens: 1 })).toBeUndefined()
  })

  test('count once: audio before cache writes, and those before cache reads', () => {
    const used = { inputTokens: 100_000, cachedTokens: 90_000, cacheWriteTokens: 60_000 }
    expect(cost('claude-sonnet-4-5', used)).toBe('0.237000') // 60,000 written and 40,000 read
  })
})

describe('a model', () => {
  const used = { inputTokens: 1_000_000, outputTokens: 1_000_000 }

  test('without a known price has an unknown cost, and a free one costs nothing', () => {
    for (const model of ['', 'gpt', 'llama-3.3-70b-versatile', 'whisper-1', 'x'.repeat(201)])
      expect(cost(model, used)).toBeUndefined()
    expect(cost('sonar', used, 'perplexity')).toBeUndefined() // is charged by the request, too
    expect(cost('gemma-4-31b-it', used, 'google')).toBe('0.000000')
    expect(cost('omni-moderation-latest', used, 'openai')).toBe('0.000000')
  })

  test("at an unknown provider is unknown, and at another provider has that one's price", () => {
    expect(cost('gpt-5', used, 'acme')).toBeUndefined()
    expect(cost('gpt-oss-120b', used, 'groq')).not.toBe(cost('gpt-oss-120b', used, 'openai'))
    expect(cost('gpt-5', used, 'azure')).toBe(cost('gpt-5', used))
    expect(cost('gpt-5', used, '')).toBe(cost('gpt-5', used))
  })

  test.each([
    [undefined, 'openai/gpt-4o', 'openai', 'gpt-4o'],
    [undefined, 'openai:gpt-4o', 'openai', 'gpt-4o'],
    [undefined, 'OpenAI/GPT-4o', 'openai', 'gpt-4o'],
    ['openai', 'openai/gpt-4o', 'openai', 'gpt-4o'],
    ['azure', 'openai/gpt-4o', 'azure', 'gpt-4o'],
    ['google', 'models/gemini-2.5-pro', 'google', 'gemini-2.5-pro'],
    [undefined, 'models/gemini-2.5-pro', 'google', 'gemini-2.5-pro'],
    [undefined, 'vertex_ai/gemini-2.5-pro', 'google', 'gemini-2.5-pro'],
    [undefined, 'google/models/gemini-2.5-pro', 'google', 'gemini-2.5-pro'],
    ['openrouter', 'anthropic/claude-sonnet-4.5', 'anthropic', 'claude-sonnet-4-5'],
    ['OpenRouter', 'openai/gpt-4o-2024-08-06', 'openai', 'gpt-4o'],
    [undefined, 'openrouter/anthropic/claude-sonnet-4.5', 'anthropic', 'claude-sonnet-4-5'],
    [undefined, 'groq/llama-3.3-70b-versatile', 'groq', 'llama-3.3-70b-versatile'],
    [undefined, 'bedrock/amazon.nova-2-sonic-v1:0', 'aws', 'amazon.nova-2-sonic-v1:0'],
  ] as const)('at %s by the name %s costs as much as at %s as %s', (provider, name, at, model) => {
    expect(cost(model, used, at)).toBeDefined()
    expect(cost(name, used, provider)).toBe(cost(model, used, at))
  })

  test('with an unknown prefix, or at an unknown provider, is as unknown as without', () => {
    for (const name of ['acme/gpt-4o', 'meta-llama/llama-3.3-70b', 'openai/gpt-oss-120b', 'mistralai/mixtral-8x7b'])
      expect(cost(name, used), name).toBeUndefined()
    expect(cost('openai/gpt-4o', used, 'acme')).toBeUndefined()
    expect(cost('claude-sonnet-4.5', used, 'openrouter')).toBeUndefined()
    expect(cost('google/gemini-2.5-pro:free', used, 'openrouter')).toBeUndefined()
  })

  test('is found in any case, with its date and without', () => {
    for (const model of ['GPT-5', ' gpt-5\n', 'gpt-5-2025-08-07', 'gpt-5-20250807'])
      expect(cost(model, used)).toBe('11.250000')
  })
})
