/** Estimates the usage of a request to a language model, before it is made. Pure. */
import { asCount, asList, asText, type Json } from './json.ts'
import { countTextTokens } from './text-tokens.ts'

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

/** Reads a request in the shape of OpenAI (chat, completions, responses, embeddings) or Anthropic (messages). */
export function estimate(body: Json): Estimate {
  const most = asCount(body.max_completion_tokens) ?? asCount(body.max_output_tokens) ?? asCount(body.max_tokens)
  const output = (most ?? USUAL_OUTPUT) * countAnswers(body)
  return {
    model: asText(body.model),
    input_tokens: Math.ceil(countTokens(body)),
    output_tokens: makesText(body) ? Math.min(output, MAX_OUTPUT) : 0,
  }
}

/** A model may write more answers (`best_of`) than it returns (`n`), to each of several prompts of text completions. */
function countAnswers({ n, best_of, prompt }: Json): number {
  const perPrompt = Math.min(Math.max(asCount(n) ?? 1, asCount(best_of) ?? 1, 1), MAX_ANSWERS)
  const prompts = asList(prompt).filter((one) => typeof one !== 'number') // one prompt may be a list of token ids
  return perPrompt * Math.max(prompts.length, 1)
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

/** Fields whose numbers are ids of tokens. */
const PROMPTS = new Set(['input', 'prompt'])

/** Iterative, because the caller controls how deep the JSON is. */
function countTokens(body: unknown): number {
  /** Objects and arrays alone: an array may have millions of numbers. */
  const waiting: Place[] = []
  let tokens = 0
  const see = (place: Place) => {
    const { value, name } = place
    if (typeof value === 'number') tokens += PROMPTS.has(name) ? 1 : 0
    else if (typeof value === 'string') tokens += isFile(value, place) ? TOKENS_PER_FILE : countTextTokens(value)
    else if (typeof value === 'object' && value !== null) waiting.push(place)
  }
  see({ value: body, name: '', isEncoded: false })
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    const { value, name } = place
    if (Array.isArray(value)) for (const one of value) see({ value: one, name, isEncoded: false })
    else for (const field of listFields(value as Json, name)) see(field)
  }
  return tokens
}

/** A value, the name of its field, and whether its object has a file in base64 in the field `data`. */
interface Place {
  readonly value: unknown
  readonly name: string
  readonly isEncoded: boolean
}

function listFields(object: Json, name: string): Place[] {
  const isEncoded = name === 'input_audio' || (name === 'source' && object.type === 'base64')
  return Object.entries(object).flatMap(([field, value]) =>
    SETTINGS.has(field) ? [] : [{ value, name: field, isEncoded }],
  )
}

/** Fields with a file in base64, and fields with a URL, which may contain a file (`data:`). */
const FILES = new Set(['file_data', 'b64_json'])
const ADDRESSES = new Set(['url', 'image_url', 'file_url', 'audio_url', 'video_url', 'image', 'images', 'mask'])

const TEXT_FILE = /^data:(text\/|application\/(json|xml))/i

/**
 * Whether a string is a file, other than a text file. Its place in the request decides, not its form: a long string
 * without spaces can be text.
 */
function isFile(text: string, { name, isEncoded }: Place): boolean {
  if (TEXT_FILE.test(text)) return false
  if (FILES.has(name) || (isEncoded && name === 'data')) return true
  return ADDRESSES.has(name) && text.startsWith('data:')
}
