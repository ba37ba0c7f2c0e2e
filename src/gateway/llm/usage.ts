/** Reads the token usage that a provider reports for a response. Pure. */
import { asCount, asList, asObject, asText, type Json } from './json.ts'
import { countJsonTokens } from './json-tokens.ts'

/** With the field names of a report (usage/tokens.ts). */
interface TokenUse {
  readonly input_tokens?: number
  readonly output_tokens?: number
  readonly cached_tokens?: number
  readonly cache_read_input_tokens?: number
  readonly cache_creation_input_tokens?: number
  readonly audio_input_tokens?: number
  readonly audio_output_tokens?: number
}

/** Follows a response, whole or in events. */
export interface UsageReader {
  /** Takes a whole response, or the data of one event. */
  take(body: Json): void
  /** @returns the usage known so far; figures that the provider has not reported yet are counted or absent */
  read(): {
    readonly model: string | undefined
    readonly use: TokenUse
    readonly isFinal: boolean
    /** The id of a response that is created in the background, whoever reads it. */
    readonly laterId?: string | undefined
  }
}

export type Provider = 'openai' | 'anthropic'

export const createUsageReader = (provider: Provider) => (provider === 'openai' ? readOpenAi() : readAnthropic())

/** Chat and text completions, embeddings, and the Responses API. */
function readOpenAi(): UsageReader {
  let [model, use, isFinal, pieces]: [string | undefined, TokenUse, boolean, number] = [undefined, {}, false, 0]
  let laterId: string | undefined
  return {
    take(body) {
      const answer = asObject(body.response) ?? body // an event of the Responses API contains the response
      model ??= asText(answer.model)
      if (answer.background === true) laterId = asText(answer.id)
      pieces += countOpenAiPieces(body)
      const usage = asObject(answer.usage)
      if (!usage) return
      use = toOpenAiUse(usage)
      isFinal = true
      pieces = 0
    },
    read: () => ({
      model,
      use: pieces === 0 ? use : { ...use, output_tokens: (use.output_tokens ?? 0) + pieces },
      isFinal,
      ...(laterId !== undefined && { laterId }),
    }),
  }
}

function toOpenAiUse(usage: Json): TokenUse {
  const details = asObject(usage.prompt_tokens_details) ?? asObject(usage.input_tokens_details)
  const answered = asObject(usage.completion_tokens_details) ?? asObject(usage.output_tokens_details)
  const input_tokens = asCount(usage.prompt_tokens) ?? asCount(usage.input_tokens)
  const output_tokens = asCount(usage.completion_tokens) ?? asCount(usage.output_tokens)
  return known({
    input_tokens,
    output_tokens,
    cached_tokens: asCount(details?.cached_tokens),
    audio_input_tokens: readPart(input_tokens, details?.audio_tokens),
    audio_output_tokens: readPart(output_tokens, answered?.audio_tokens),
  })
}

/** Caps a part at its whole: contradictory usage would not be counted. */
const readPart = (whole = 0, part: unknown) => Math.min(asCount(part) ?? 0, whole) || undefined

/** The texts of an answer that reports no usage, or of a stream that ends before it does. */
function countOpenAiPieces(body: Json): number {
  if (body.object === 'response') return countTexts(body.output)
  if (asText(body.type)?.endsWith('.delta')) return body.type === SOUND ? 0 : countTexts(body.delta)
  return asList(body.choices).reduce<number>((sum, choice) => {
    const { delta, message, text } = asObject(choice) ?? {}
    const called = asList(asObject(delta)?.tool_calls).length
    return sum + Math.max(called, countTexts([delta, message, text]))
  }, 0)
}

/** In base64. Its transcript has events of its own. */
const SOUND = 'response.audio.delta'

/** OpenAI sends one token per event, and others several: a piece counts the estimate of its texts, at least one token. */
function countTexts(piece: unknown): number {
  const tokens = countJsonTokens(piece, 0)
  return tokens > 0 ? Math.max(1, Math.floor(tokens)) : 0
}

/** The Messages API. A stream reports the input at its beginning, and the output so far at its end. */
function readAnthropic(): UsageReader {
  let [model, use, isFinal, pieces]: [string | undefined, TokenUse, boolean, number] = [undefined, {}, false, 0]
  return {
    take(body) {
      const message = asObject(body.message) ?? body
      model ??= asText(message.model)
      if (body.type === 'content_block_delta') pieces += countTexts(body.delta)
      if (body.type === 'message') pieces += countTexts(body.content)
      const usage = asObject(message.usage)
      if (!usage) return
      use = { ...use, ...toAnthropicUse(usage) }
      if (body.type === 'message_start')
        use = { ...use, output_tokens: 0 } // the output figure at this point is not usage yet
      else [isFinal, pieces] = [true, 0]
    },
    read: () => ({
      model,
      use: pieces === 0 ? use : { ...use, output_tokens: (use.output_tokens ?? 0) + pieces },
      isFinal,
    }),
  }
}

function toAnthropicUse(usage: Json): TokenUse {
  return known({
    input_tokens: asCount(usage.input_tokens),
    output_tokens: asCount(usage.output_tokens),
    cache_read_input_tokens: asCount(usage.cache_read_input_tokens),
    cache_creation_input_tokens: asCount(usage.cache_creation_input_tokens),
  })
}

function known(use: { readonly [Name in keyof TokenUse]: number | undefined }): TokenUse {
  return Object.fromEntries(Object.entries(use).filter(([, count]) => count !== undefined))
}
