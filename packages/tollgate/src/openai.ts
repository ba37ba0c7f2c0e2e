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

interface ChatAnswer {
  readonly model?: unknown
  readonly usage?: ChatUsage | null
  readonly choices?: readonly { readonly message?: unknown; readonly delta?: unknown }[]
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
    const { max_tokens, max_completion_tokens } = body as ChatBody
    return max_completion_tokens ?? max_tokens ?? undefined
  },
  countAnswers: (body) => (body as ChatBody).n ?? 1,
  askForUsage(body) {
    const { stream, stream_options } = body as ChatBody
    if (!stream || stream_options?.include_usage) return undefined
    return { ...body, stream_options: { ...stream_options, include_usage: true } }
  },
  hideUsage(event) {
    if (!('usage' in event)) return event
    const { usage, ...rest } = event
    return usage && (event as ChatAnswer).choices?.length === 0 ? undefined : rest
  },
  readAnswer: readChat,
  readEvent: readChat,
}

/** A whole answer, or a piece of one. */
function readChat(answer: EventData, call: MeteredCall): void {
  const { model, usage, choices = [] } = answer as ChatAnswer
  call.nameModel(model)
  for (const { message, delta } of choices) call.say([message, delta])
  reportChat(usage, call)
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
  readAnswer(answer, call) {
    call.say(answer.output)
    reportResponse(answer, call)
  },
  readEvent({ type, delta, response }, call) {
    if (type !== 'response.audio.delta') call.say(delta) // its transcript has events of its own
    if (response) reportResponse(response as EventData, call)
  },
}

function reportResponse(response: EventData, call: MeteredCall): void {
  call.nameModel(response.model)
  const usage = (response.usage ?? {}) as ResponsesUsage
  const { input_tokens, output_tokens, input_tokens_details, output_tokens_details } = usage
  report({ tokens: input_tokens, of: input_tokens_details }, { tokens: output_tokens, of: output_tokens_details }, call)
}

const OPENAI: Provider = { name: 'openai', apis: [chat, responses] }
