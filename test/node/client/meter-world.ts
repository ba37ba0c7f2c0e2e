/** Customers whose calls of the local model are metered, with the providers' own libraries and the AI SDK. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import Anthropic from '@anthropic-ai/sdk'
import { wrapLanguageModel } from 'ai'
import OpenAI from 'openai'
import { afterAll, beforeAll } from 'vitest'
import type { ModelCall } from '../../../local/stack/model/calls.ts'
import { meter as meterModel } from '../../../packages/tollgate/src/ai-sdk.ts'
import { meter as meterAnthropic } from '../../../packages/tollgate/src/anthropic.ts'
import { Tollgate, type TollgateOptions } from '../../../packages/tollgate/src/index.ts'
import { type MeterOptions, meter as meterOpenAI } from '../../../packages/tollgate/src/openai.ts'
import { type ClientWorld, startTollgate } from './world.ts'

let world: ClientWorld

beforeAll(async () => {
  world = await startTollgate()
  tollgate = connect()
})
afterAll(() => world.close())

export let tollgate: Tollgate
export const connect = (options: Partial<TollgateOptions> = {}) =>
  new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey, ...options })

const EVENTS = `select provider, model, endpoint, input_tokens::int, output_tokens::int, cached_tokens::int,
  cache_write_tokens::int, audio_input_tokens::int, audio_output_tokens::int from usage_events where organization_id = $1 order by occurred_at, id`
export const countTokens = (text: string) => text.match(/\S+/g)?.length ?? 0
export const words = (count: number) => Array.from({ length: count }, (_, at) => `w${at}`).join(' ')

/** A customer, and how their calls are metered. `apiKey` is that of the model. */
export async function customer(limits?: { tokens?: number; max_concurrent?: number }) {
  const external_id = crypto.randomUUID()
  const { id } = await tollgate.customers.upsert({ external_id, name: 'Ada', limits })
  const apiKey = `sk-${external_id}`
  return {
    apiKey,
    options: { external_id, countTokens, maxOutputTokens: 50, details: { endpoint: '/v1/answers' } } as MeterOptions,
    counted: () => world.sql.query(EVENTS, [id]),
    tokens: async () => (await tollgate.quotas.get({ external_id })).meters.tokens,
    sent: async () => (await (await fetch(`${world.stackUrl}/model/calls?key=${apiKey}`)).json()) as ModelCall[],
  }
}
export type Customer = Awaited<ReturnType<typeof customer>>

export const rawOpenAI = (apiKey: string, defaultHeaders = {}) =>
  new OpenAI({ apiKey, baseURL: `${world.stackUrl}/model/openai/v1`, defaultHeaders })
export const openai = ({ apiKey, options }: Customer, headers = {}) =>
  meterOpenAI(rawOpenAI(apiKey, headers), tollgate, options)
const rawAnthropic = (apiKey: string, defaultHeaders = {}) =>
  new Anthropic({ apiKey, baseURL: `${world.stackUrl}/model/anthropic`, defaultHeaders })
export const anthropic = ({ apiKey, options }: Customer, headers = {}) =>
  meterAnthropic(rawAnthropic(apiKey, headers), tollgate, options)
const rawModel = (apiKey: string, headers = {}) =>
  createOpenAICompatible({
    name: 'openai',
    apiKey,
    baseURL: `${world.stackUrl}/model/openai/v1`,
    headers,
    includeUsage: true,
  }).chatModel('gpt-4o')
export const model = ({ apiKey, options }: Customer, headers = {}) =>
  wrapLanguageModel({ model: rawModel(apiKey, headers), middleware: meterModel(tollgate, options) })

export const user = (content: string): { role: 'user'; content: string }[] => [{ role: 'user', content }]

export async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of stream) items.push(item)
  return items
}
