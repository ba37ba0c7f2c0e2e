/** Estimates the usage of a request to a language model, before it is made. Pure. */
import { asCount, asList, asText, type Json } from './json.ts'
import { countJsonTokens } from './json-tokens.ts'

/** For a picture, an audio clip or a file. */
const TOKENS_PER_FILE = 1_600
/** For a request that does not limit its output. */
const USUAL_OUTPUT = 4_096
const MAX_ANSWERS = 128
/** More than any request can produce. */
const MAX_OUTPUT = 1_000_000_000

export interface Estimate {
  readonly model: string | undefined
  readonly input_tokens: number
  readonly output_tokens: number
}

/**
 * Reads a request in the shape of OpenAI (chat, completions, responses, embeddings) or Anthropic (messages).
 *
 * @param path of the operation, upstream
 */
export function estimate(body: Json, path = ''): Estimate {
  const most = asCount(body.max_completion_tokens) ?? asCount(body.max_output_tokens) ?? asCount(body.max_tokens)
  const output = (most ?? USUAL_OUTPUT) * countAnswers(body)
  return {
    model: asText(body.model),
    input_tokens: Math.ceil(countJsonTokens(body, TOKENS_PER_FILE)),
    output_tokens: makesText(body) && !MAKES_OTHER.test(path) ? Math.min(output, MAX_OUTPUT) : 0,
  }
}

/** A model may write more answers (`best_of`) than it returns (`n`), to each of several prompts of text completions. */
function countAnswers({ n, best_of, prompt }: Json): number {
  const perPrompt = Math.min(Math.max(asCount(n) ?? 1, asCount(best_of) ?? 1, 1), MAX_ANSWERS)
  const prompts = asList(prompt).filter((one) => typeof one !== 'number') // one prompt may be a list of token ids
  return perPrompt * Math.max(prompts.length, 1)
}

/** Operations that answer with vectors, scores, pictures or sound. */
const MAKES_OTHER = /\/(embeddings|rerank|images\/\w+|audio\/speech)\/?$/i

/** An embeddings request has an input and no fields that request output. */
const makesText = ({
  messages,
  prompt,
  input,
  max_output_tokens,
  instructions,
  stream,
  encoding_format,
  dimensions,
  model,
}: Json) => {
  if (messages !== undefined || prompt !== undefined || max_output_tokens !== undefined) return true
  if (encoding_format !== undefined || dimensions !== undefined || asText(model)?.includes('embed')) return false
  return input !== undefined || instructions !== undefined || stream !== undefined
}
