/** Parses the table in prices.ts, whose grammar is described there, and finds the price of a model. */
import { createLru } from '../../lib/lru.ts'
import { TABLE } from './prices.ts'

/**
 * The price of one token, in picodollars (a dollar per million tokens is a million of them): whole numbers, exactly.
 */
export interface Rates {
  readonly input: bigint
  readonly output: bigint
  /** Undefined if cached input costs as much as other input. */
  readonly cachedInput: bigint | undefined
  /** For tokens that are written to a cache; undefined if they cost as much as other input. */
  readonly cacheWrite: bigint | undefined
  /** Undefined if unknown: audio never costs the same as text. */
  readonly audioInput: bigint | undefined
  readonly audioOutput: bigint | undefined
}

/** Rates of a whole request, by its number of input tokens. Ascending; the first applies to any number. */
export interface Tier {
  /** For requests with more input tokens than this. */
  readonly above: number
  readonly rates: Rates
}

/** A price and when it applies; `tiers` is undefined if tokens have no price of their own. */
interface DatedPrice {
  /** Unix milliseconds. */
  readonly from: number | undefined
  /**
   * Minutes of the day in UTC, from the first inclusive to the second exclusive; past midnight if the second is
   * smaller.
   */
  readonly daily: readonly [start: number, end: number] | undefined
  readonly tiers: readonly Tier[] | undefined
}

type Fits = (name: string) => boolean

export interface Model {
  readonly id: string
  readonly fits: Fits
  readonly prices: readonly DatedPrice[]
}

export interface Provider {
  readonly id: string
  readonly isNamed: Fits
  /** Whether a model's name alone implies this provider. */
  readonly isMeantBy: Fits
  readonly also: readonly string[]
  readonly models: Model[]
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440
/** No model has a longer name. Longer texts are not matched against hundreds of patterns. */
const MAX_NAME_LENGTH = 200

let parsed: readonly Provider[] | undefined

/** All known prices, parsed on first use. */
export function catalog(): readonly Provider[] {
  parsed ??= parseTable(TABLE)
  return parsed
}

const found = createLru<{ readonly model: Model | undefined }>(1_000)

/**
 * Finds a model by name, in any case, at a provider; without one (absent or empty), at the provider whose names it
 * matches. A date written as `-20260305` is also looked up as `-2026-03-05`. A name may begin with its provider
 * (`openai/gpt-4o`, `openai:gpt-4o`, `openrouter/anthropic/claude-sonnet-5`) or with `models/`.
 *
 * @returns undefined for an unknown model; also for a known model at an unknown provider, whose price may differ
 */
export function findModel(provider: string | undefined, name: string): Model | undefined {
  if (name.length > MAX_NAME_LENGTH || (provider?.length ?? 0) > MAX_NAME_LENGTH) return undefined
  const asked = `${provider ?? ''}\n${name}`
  const known = found.get(asked)
  if (known) return known.model
  const model = listSpellings(provider, name)
    .map(lookUp)
    .find((one) => one !== undefined)
  found.set(asked, { model })
  return model
}

/** One way to read a model's name. Both are in lower case. */
export interface Spelling {
  /** Undefined if the name decides. */
  readonly provider: string | undefined
  readonly name: string
}

/** Routers: they forward requests to the provider that a model's name begins with, at that provider's prices. */
const ROUTERS = new Set(['openrouter'])
/** Open models have these prefixes wherever they are hosted, each time at another price. */
const OF_OPEN_MODELS = /^(mistralai|openai[/:]gpt-oss)/
const PREFIX = /^([a-z0-9_.-]+)[/:](.+)$/
const MAX_PREFIXES = 3
/** The suffix of OpenRouter's free models. */
const GIVEN_AWAY = ':free'

/** The ways to read a model's name: first as it is, then without the prefixes that name its provider. */
export function listSpellings(provider: string | undefined, model: string): readonly Spelling[] {
  let spelling: Spelling = { provider: provider?.toLowerCase().trim() || undefined, name: model.toLowerCase().trim() }
  const spellings = [spelling]
  for (let removed = 0; removed < MAX_PREFIXES; removed++) {
    const shorter = removePrefix(spelling)
    if (!shorter) break
    spellings.push(shorter)
    spelling = shorter
  }
  return spellings
}

function removePrefix({ provider, name }: Spelling): Spelling | undefined {
  const [, prefix, rest = ''] = PREFIX.exec(name) ?? []
  if (prefix === undefined || OF_OPEN_MODELS.test(name)) return undefined
  if (prefix === 'models') return { provider, name: rest }
  const isOpen = provider === undefined || ROUTERS.has(provider)
  const meant = isOpen ? nameRouted(prefix, rest) : keepNamed(provider, prefix)
  return meant === undefined ? undefined : { provider: meant, name: rest }
}

/** A known provider that was given is kept, whatever provider the prefix names. */
const keepNamed = (provider: string, prefix: string) =>
  findProvider(prefix) && findProvider(provider) ? provider : undefined

/** The provider or router that a prefix names, if no other was given. */
function nameRouted(prefix: string, rest: string): string | undefined {
  if (ROUTERS.has(prefix)) return prefix
  return rest.endsWith(GIVEN_AWAY) ? undefined : findProvider(prefix)?.id
}

/** The provider with this name, in lower case. */
export function findProvider(name: string): Provider | undefined {
  const providers = catalog()
  return providers.find(({ id }) => id === name) ?? providers.find(({ isNamed }) => isNamed(name))
}

/** The provider that a model is looked up at: the named one, else the one that its name implies. */
export function selectProvider({ provider, name }: Spelling): Provider | undefined {
  return provider ? findProvider(provider) : catalog().find(({ isMeantBy }) => isMeantBy(name))
}

function lookUp(spelling: Spelling): Model | undefined {
  const { name } = spelling
  const providers = catalog()
  const provider = selectProvider(spelling)
  if (!provider) return undefined
  const places = [provider.id, ...provider.also].flatMap((id) => providers.filter((one) => one.id === id))
  return modelIn(places, name) ?? modelIn(places, withDashedDate(name))
}

function modelIn(places: readonly Provider[], name: string): Model | undefined {
  for (const { models } of places) {
    const model = models.find(({ fits }) => fits(name))
    if (model) return model
  }
  return undefined
}

export const withDashedDate = (name: string) =>
  name.replaceAll(/-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g, '-$1-$2-$3')

/** The prices at a given time. @param at Unix milliseconds */
export function tiersAt({ prices }: Model, at: number): readonly Tier[] | undefined {
  return (prices.findLast((price) => holdsAt(price, at)) ?? prices[0])?.tiers
}

function holdsAt({ from, daily }: DatedPrice, at: number): boolean {
  if (from !== undefined) return at >= from
  if (!daily) return true
  const [start, end] = daily
  const minute = (at / MINUTE_MS) % DAY_MINUTES
  return end < start ? minute >= start || minute < end : minute >= start && minute < end
}

function parseTable(table: string): Provider[] {
  const providers: Provider[] = []
  for (const line of table.trim().split('\n')) {
    if (line.startsWith('# ')) providers.push(parseProvider(line))
    else providers.at(-1)?.models.push(parseModel(line))
  }
  return providers
}

function parseProvider(line: string): Provider {
  const [, id = '', ...rest] = line.split(' ')
  const listAfter = (word: string) => rest[rest.indexOf(word) + 1]?.split(',') ?? []
  const list = (word: string) => (rest.includes(word) ? listAfter(word) : [])
  return { id, isNamed: matchAny(list('as')), isMeantBy: matchAny(list('by')), also: list('also'), models: [] }
}

function parseModel(line: string): Model {
  const [id = '', names = '', ...prices] = line.split(' ')
  return {
    id,
    fits: matchAny(names.split(',').map((name) => (name === '=' ? id : name))),
    prices: prices.map(parsePrice),
  }
}

function matchAny(patterns: readonly string[]): Fits {
  const tests = patterns.map((pattern) => pattern.split('&').map(parsePattern))
  return (name) => tests.some((all) => all.every((fits) => fits(name)))
}

function parsePattern(pattern: string): Fits {
  if (pattern.startsWith('/')) {
    const expression = new RegExp(pattern.slice(1, -1))
    return (name) => expression.test(name)
  }
  const text = pattern.replaceAll('*', '')
  const [isOpenBefore, isOpenAfter] = [pattern.startsWith('*'), pattern.endsWith('*')]
  if (isOpenBefore && isOpenAfter) return (name) => name.includes(text)
  if (isOpenBefore) return (name) => name.endsWith(text)
  return isOpenAfter ? (name) => name.startsWith(text) : (name) => name === text
}

function parsePrice(text: string): DatedPrice {
  const [, condition, price = ''] = /^(?:(.*)=)?(.*)$/.exec(text) ?? []
  const tiers = price === '-' ? undefined : price.split('>').map(parseTier)
  if (!condition) return { from: undefined, daily: undefined, tiers }
  const [, start, end] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(condition) ?? []
  if (start && end) return { from: undefined, daily: [parseMinute(start), parseMinute(end)], tiers }
  return { from: Date.parse(`${condition}T00:00:00Z`), daily: undefined, tiers }
}

const parseMinute = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

function parseTier(text: string): Tier {
  const [, above = '-1', rates = ''] = /^(?:(\d+):)?(.*)$/.exec(text) ?? []
  const [input = '0', output = '0', ...others] = rates.split('/')
  const [cachedInput, cacheWrite, audioInput, audioOutput] = others.map((rate) =>
    rate === '' ? undefined : pico(rate),
  )
  return {
    above: Number(above),
    rates: { input: pico(input), output: pico(output), cachedInput, cacheWrite, audioInput, audioOutput },
  }
}

/** @param dollars per million tokens, with at most six decimals */
function pico(dollars: string): bigint {
  const [whole = '0', decimals = ''] = dollars.split('.')
  return BigInt(whole + decimals.padEnd(6, '0'))
}
