import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { calcPrice, findProvider, type MatchLogic } from '@pydantic/genai-prices'
import { expect, test } from 'vitest'
import { PROVIDERS, priceTable } from '../../../local/build/price-table.ts'
import { catalog } from '../../../src/usage/pricing/catalog.ts'
import { priceTokens } from '../../../src/usage/pricing/price.ts'
import { SOURCE, TABLE } from '../../../src/usage/pricing/prices.ts'
import { ROOT } from './support.ts'

/** Before and after every price change, at both ends of the hours with their own price, and far ahead. */
const MOMENTS = [
  '2024-01-01T12:00:00Z',
  '2025-06-09T23:59:59.999Z',
  '2025-06-10T00:00:00Z',
  '2026-03-13T00:30:00Z',
  '2026-07-29T16:29:59.999Z',
  '2026-07-30T16:30:00Z',
  '2026-08-17T00:59:59.999Z',
  '2026-08-17T01:00:00Z',
  '2026-08-20T23:59:59.999Z',
  '2026-08-21T00:00:00Z',
  '2026-11-21T03:59:59.999Z',
  '2026-11-21T04:00:00Z',
  '2026-11-21T09:00:00Z',
  '2027-01-01T00:00:00Z',
].map((text) => Date.parse(text))

/** Input, output and cached tokens: zero, few, both sides of every tier's start, many. */
const COUNTS = [
  [0, 0, 0],
  [1, 1, 1],
  [1_000, 0, 0],
  [0, 777, 0],
  [12_345, 678, 9_000],
  [200_000, 1_000, 100_000],
  [200_001, 1_000, 100_000],
  [271_999, 10, 0],
  [272_000, 10, 271_000],
  [272_001, 10, 272_001],
  [900_000, 65_536, 3],
] as const

/** Names that match a pattern. */
function namesOf(match: MatchLogic): string[] {
  if ('or' in match) return match.or.flatMap(namesOf)
  if ('and' in match) return match.and.flatMap(namesOf)
  if ('equals' in match) return [match.equals, match.equals.toUpperCase(), ` ${match.equals}-2026`]
  if ('starts_with' in match) return [`${match.starts_with}-20260305`]
  if ('ends_with' in match) return [`some-${match.ends_with}`]
  if ('contains' in match) return [`some-${match.contains}-other`]
  return [
    match.regex.replaceAll(/\\d\{?\d?\}?/g, (digits) => '2'.repeat(Number(digits[3] ?? 1))).replaceAll(/[\\^$]/g, ''),
  ]
}

/** The package's price, in dollars; undefined if it has no token price. */
function told(name: string, at: number, [input, output, cached]: (typeof COUNTS)[number], providerId?: string) {
  const usage = { input_tokens: input, output_tokens: output, cache_read_tokens: cached }
  const result = calcPrice(usage, name, { timestamp: new Date(at), ...(providerId && { providerId }) })
  if (!result) return undefined
  const keys = Object.keys(result.model_price)
  const isOfTokens =
    !keys.includes('requests_kcount') && keys.some((key) => /^(input|output|cache_read)_mtok$/.test(key))
  return isOfTokens || keys.length === 0 ? { usd: result.total_price, provider: result.provider.id } : undefined
}

interface Asked {
  readonly provider?: string
  readonly moments?: readonly number[]
  readonly counts?: readonly (typeof COUNTS)[number][]
}

/** Where a name's price here differs from the package's. */
function differences(name: string, { provider, moments = [MOMENTS.at(-1) ?? 0], counts = [COUNTS[4]] }: Asked = {}) {
  return moments.flatMap((at) =>
    counts.flatMap((used) => {
      const [inputTokens, outputTokens, cachedTokens] = used
      const expected = told(name, at, used, provider)
      const ours = priceTokens({ provider, model: name, at, inputTokens, outputTokens, cachedTokens })
      const isSame = expected && ours ? isNear(ours, expected.usd) : expected?.usd === ours
      return isSame
        ? []
        : [`${provider} ${name} ${new Date(at).toISOString()} ${used.join('+')}: ${ours}, not ${expected?.usd}`]
    }),
  )
}

/** Half a microdollar is what rounding may change, and a little more the floats of the package. */
const isNear = (ours: string, usd: number) => Math.abs(Number(ours) - usd) <= 0.5e-6 + usd * 1e-12

const MODELS = PROVIDERS.flatMap((provider) =>
  (findProvider({ providerId: provider })?.models ?? [])
    .filter(({ id }) => id !== 'qwen-3-coder-480b' || provider !== 'cerebras')
    .map((model) => Object.assign({ provider }, model)),
)

test('the committed prices are what the script generates from the installed package', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'node_modules/@pydantic/genai-prices/package.json'), 'utf8'))
  expect(SOURCE).toBe(`@pydantic/genai-prices ${version}`)
  expect(TABLE.trim()).toBe(priceTable())
  expect(TABLE.length).toBeLessThan(60_000)
})

test('every model costs at its provider what the package says: by date, hour, tier and cache, to the microdollar', () => {
  expect(MODELS.length).toBeGreaterThan(500)
  const found = MODELS.flatMap(({ provider, id, prices }) =>
    differences(id, { provider, counts: COUNTS, ...(Array.isArray(prices) && { moments: MOMENTS }) }),
  )
  expect(found).toEqual([])
})

test('a name matches the same model as in the package, with a provider and without', () => {
  const names = MODELS.flatMap(({ provider, match }) => namesOf(match).map((name) => ({ provider, name })))
  expect(names.flatMap(({ provider, name }) => differences(name, { provider }))).toEqual([])
  const known: readonly string[] = PROVIDERS
  const clear = names.filter(({ name }) => known.includes(told(name, 0, COUNTS[4])?.provider ?? 'openai'))
  expect(clear.length).toBeGreaterThan(1_000)
  const prefixed = (name: string) => known.some((provider) => name.toLowerCase().startsWith(`${provider}/`))
  expect(clear.filter(({ name }) => !prefixed(name)).flatMap(({ name }) => differences(name))).toEqual([])
})

test('a provider has the names that it has in the package', () => {
  const asked = [
    'openai',
    'OpenAI',
    ' azure ',
    'azure-openai',
    'google-vertex',
    'vertex_ai',
    'google-gla',
    'bedrock',
    'xai',
    'x-ai',
  ]
  for (const provider of [...asked, 'anthropic', 'together_ai'])
    for (const model of [
      'gpt-5',
      'claude-sonnet-4-5',
      'gemini-2.5-pro',
      'grok-4',
      'zai-glm-4.7',
      'amazon.nova-pro-v1:0',
    ])
      expect(differences(model, { provider })).toEqual([])
  expect(priceTokens({ provider: 'huggingface_cerebras', model: 'gpt-oss-120b', at: 0, ...NOTHING })).toBeUndefined()
})

const NOTHING = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 }

test('every line of the table is valid: it has a name that matches it, and prices', () => {
  const models = catalog().flatMap((provider) => provider.models)
  expect(models.length).toBe(TABLE.trim().split('\n').length - catalog().length)
  expect(models.filter(({ prices }) => prices.length === 0)).toEqual([])
})
