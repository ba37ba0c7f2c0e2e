/** Language models, metered: each call reserves tokens of the caller's organization and settles what it used. */
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { Tollgate } from 'tollgate'
import { meter as meterAnthropic } from 'tollgate/anthropic'
import { type MeterOptions, meter as meterOpenAI } from 'tollgate/openai'
import type { Bindings } from './env.ts'

const MAX_TOKENS = 1_000

export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

export type Provider = 'openai' | 'anthropic'

/** Answers a prompt. @throws QuotaExceededError */
export async function generate(
  env: Bindings,
  provider: Provider,
  prompt: string,
  options: MeterOptions,
): Promise<string> {
  const messages: Turn[] = [{ role: 'user', content: prompt }]
  if (provider === 'anthropic') {
    const client = new Anthropic({ apiKey: env.MODEL_KEY, baseURL: `${env.MODEL_URL}/anthropic` })
    const metered = meterAnthropic(client, Tollgate.fromBinding(env.TOLLGATE), options)
    const { content } = await metered.messages.create({ model: 'claude-sonnet-4-5', max_tokens: MAX_TOKENS, messages })
    return content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  }
  const params = { model: 'gpt-4o', max_completion_tokens: MAX_TOKENS, messages }
  const { choices } = await openai(env, options).chat.completions.create(params)
  return choices[0]?.message.content ?? ''
}

/** Continues a conversation piece by piece. @throws QuotaExceededError before the first piece */
export async function chat(env: Bindings, messages: Turn[], options: MeterOptions): Promise<AsyncIterable<string>> {
  const params = { model: 'gpt-4o', max_completion_tokens: MAX_TOKENS, messages, stream: true as const }
  return readTexts(await openai(env, options).chat.completions.create(params))
}

const openai = (env: Bindings, options: MeterOptions) =>
  meterOpenAI(
    new OpenAI({ apiKey: env.MODEL_KEY, baseURL: `${env.MODEL_URL}/openai/v1` }),
    Tollgate.fromBinding(env.TOLLGATE),
    options,
  )

async function* readTexts(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): AsyncGenerator<string> {
  for await (const { choices } of stream) {
    const text = choices[0]?.delta.content
    if (text) yield text
  }
}
