import type { EventData } from './event-stream.ts'
import { type MeterClient, type MeteredCall, type MeterOptions, partOf } from './meter.ts'
import { type Fetch, type ModelApi, meterClient, type Provider } from './metered-fetch.ts'

export { QuotaExceededError } from './errors.ts'
export type { MeterOptions } from './meter.ts'

/** The part of the `openai` client that is used here. */
interface OpenAIClient {
  withOptions(options: { readonly fetch: Fetch }): unknown
}

/**
 * Meters an `openai` client: its chat completions and responses, streamed or not, by every method of the library. Each
 * call holds the tokens that it may use, and settles those that the provider reports. If a stream is given up or breaks, it
 * settles the tokens that came until then. Other operations, such as embeddings, go through unmetered.
 *
 * @returns a client like it, whose calls throw QuotaExceededError when their tokens are refused. Make one for each request
 */
export const meter = <Client extends OpenAIClient>(
  client: Client,
  tollgate: MeterClient,
  options: MeterOptions,
): Client => meterClient(client, tollgate, options, OPENAI)

type Count = number | null | undefined

type Details = { readonly cached_tokens?: Count; readonly audio_tokens?: Count } | null | undefined

interface ChatUsage {
  readonly prompt_tokens?: Count
  readonly completion_tokens?: Count
  readonly prompt_tokens_details?: Details
  readonly completion_tokens_details?: Details
}

interface ChatChunk {
  readonly usage?: ChatUsage | null
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: unknown
      readonly refusal?: unknown
      readonly reasoning_content?: unknown
      readonly tool_calls?: readonly { readonly function?: { readonly arguments?: unknown } }[]
    }
  }[]
}

interface ChatBody {
  readonly stream?: boolean
  readonly stream_options?: { readonly include_usage?: boolean } | null
  readonly max_tokens?: Count
  readonly max_completion_tokens?: Count
  readonly n?: Count
}

const chat: ModelApi = {
  path: '/chat/completions',
  maxOutputTokens(body) {
    const { max_tokens, max_completion_tokens, n } = body as ChatBody
    const limit = max_completion_tokens ?? max_tokens
    return limit == null ? undefined : limit * (n ?? 1)
  },
  askForUsage(body) {
    const { stream, stream_options } = body as ChatBody
    if (!stream || stream_options?.include_usage) return undefined
    return { ...body, stream_options: { ...stream_options, include_usage: true } }
  },
  hideUsage(event) {
    if (!('usage' in event)) return event
    const { usage, ...rest } = event
    return usage && (event as ChatChunk).choices?.length === 0 ? undefined : rest
  },
  readAnswer: (answer, call) => reportChat((answer as ChatChunk).usage, call),
  readEvent(event, call) {
    const { usage, choices = [] } = event as ChatChunk
    for (const { delta = {} } of choices) {
      for (const text of [delta.content, delta.refusal, delta.reasoning_content]) call.say(text)
      for (const { function: called } of delta.tool_calls ?? []) call.say(called?.arguments)
    }
    reportChat(usage, call)
  },
}

function reportChat(usage: ChatUsage | null | undefined, call: MeteredCall): void {
  if (!usage) return
  const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = usage
  report(
    { tokens: prompt_tokens, of: prompt_tokens_details },
    { tokens: completion_tokens, of: completion_tokens_details },
    call,
  )
}

interface Counted {
  readonly tokens: Count
  readonly of: Details
}

function report(input: Counted, output: Counted, call: MeteredCall): void {
  call.report({
    input_tokens: input.tokens,
    output_tokens: output.tokens,
    cached_tokens: input.of?.cached_tokens,
    audio_input_tokens: partOf(input.tokens, input.of?.audio_tokens),
    audio_output_tokens: partOf(output.tokens, output.of?.audio_tokens),
  })
}

interface ResponsesUsage {
  readonly input_tokens?: Count
  readonly output_tokens?: Count
  readonly input_tokens_details?: Details
  readonly output_tokens_details?: Details
}

const responses: ModelApi = {
  path: '/responses',
  maxOutputTokens: ({ max_output_tokens }) => (typeof max_output_tokens === 'number' ? max_output_tokens : undefined),
  readAnswer: reportResponse,
  readEvent({ delta, response }, call) {
    call.say(delta)
    if (response) reportResponse(response as EventData, call)
  },
}

function reportResponse(response: EventData, call: MeteredCall): void {
  const usage = (response.usage ?? {}) as ResponsesUsage
  const { input_tokens, output_tokens, input_tokens_details, output_tokens_details } = usage
  report({ tokens: input_tokens, of: input_tokens_details }, { tokens: output_tokens, of: output_tokens_details }, call)
}

const OPENAI: Provider = { name: 'openai', apis: [chat, responses] }
