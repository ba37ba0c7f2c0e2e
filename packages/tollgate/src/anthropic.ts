import type { MeterClient, MeteredCall, MeterOptions } from './meter.ts'
import { type Fetch, type ModelApi, meterClient, type Provider } from './metered-fetch.ts'

export { QuotaExceededError } from './errors.ts'
export type { MeterOptions } from './meter.ts'

/** The part of the `@anthropic-ai/sdk` client that is used here. */
interface AnthropicClient {
  withOptions(options: { readonly fetch: Fetch }): unknown
}

/**
 * Meters an `@anthropic-ai/sdk` client: its messages, streamed or not, by every method of the library. Each call holds the
 * tokens that it may use, and settles those that the provider reports. If a stream is given up or breaks, it settles the
 * tokens that came until then. Other operations, such as batches, go through unmetered.
 *
 * @returns a client like it, whose calls throw QuotaExceededError when their tokens are refused. Make one for each request
 */
export const meter = <Client extends AnthropicClient>(
  client: Client,
  tollgate: MeterClient,
  options: MeterOptions,
): Client => meterClient(client, tollgate, options, ANTHROPIC)

type Count = number | null | undefined

interface Usage {
  readonly input_tokens?: Count
  readonly output_tokens?: Count
  readonly cache_read_input_tokens?: Count
  readonly cache_creation_input_tokens?: Count
}

interface MessageEvent {
  readonly type?: unknown
  readonly message?: { readonly usage?: Usage }
  readonly usage?: Usage
  readonly delta?: unknown
}

const messages: ModelApi = {
  path: '/v1/messages',
  maxOutputTokens: ({ max_tokens }) => (typeof max_tokens === 'number' ? max_tokens : undefined),
  readAnswer({ content, usage }, call) {
    call.say(content)
    report(usage as Usage | undefined, call)
  },
  readEvent(event, call) {
    const { type, message, usage, delta } = event as MessageEvent
    if (type === 'content_block_delta') call.say(delta)
    report(message?.usage && { ...message.usage, output_tokens: undefined }, call) // at the start it is not known yet
    report(usage, call)
  },
}

function report(usage: Usage | undefined, call: MeteredCall): void {
  const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage ?? {}
  call.report({ input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens })
}

const ANTHROPIC: Provider = { name: 'anthropic', apis: [messages] }
