/** Estimates the usage of a request to a language model, before it is made. Pure. */
import { asCount, asText, type Json } from './json.ts'

/** English text has about four characters a token; most others have fewer. */
const CHARACTERS_PER_TOKEN = 4
/** For a picture or a file, which arrives as one long text without spaces. */
const TOKENS_PER_FILE = 1_600
const LONG_WORD = 1_000
/** For a request that does not limit its output. */
const USUAL_OUTPUT = 4_096
const MAX_ANSWERS = 128

export interface Estimate {
  readonly model: string | undefined
  readonly input_tokens: number
  readonly output_tokens: number
}

/** Reads a request in the shape of OpenAI (chat, completions, responses, embeddings) or Anthropic (messages). */
export function estimate(body: Json): Estimate {
  const most = asCount(body.max_completion_tokens) ?? asCount(body.max_output_tokens) ?? asCount(body.max_tokens)
  const answers = Math.min(Math.max(asCount(body.n) ?? 1, 1), MAX_ANSWERS)
  return {
    model: asText(body.model),
    input_tokens: Math.ceil(countTokens(body)),
    output_tokens: makesText(body) ? (most ?? USUAL_OUTPUT) * answers : 0,
  }
}

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

/** Fields that the model does not read as text. */
const SETTINGS = new Set(['model', 'user', 'stream', 'metadata', 'stream_options', 'id', 'type', 'role'])

/** Iterative, because the caller controls how deep the JSON is. */
function countTokens(body: unknown): number {
  const waiting = [body]
  let tokens = 0
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value === 'string') tokens += countInText(value)
    else if (Array.isArray(value)) for (const one of value) waiting.push(one)
    else if (typeof value === 'object' && value !== null)
      for (const [name, one] of Object.entries(value)) if (!SETTINGS.has(name)) waiting.push(one)
  }
  return tokens
}

const countInText = (text: string) =>
  text.length > LONG_WORD && !/\s/.test(text) ? TOKENS_PER_FILE : text.length / CHARACTERS_PER_TOKEN
