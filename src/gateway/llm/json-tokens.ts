/** Finds the text that a model reads or writes, wherever its provider puts it in JSON. Pure. */
import type { Json } from './json.ts'
import { countTextTokens } from './text-tokens.ts'

/** Fields that the model neither reads nor writes as text: settings and ids, and what repeats or signs other text. */
const SETTINGS = new Set(
  [
    'model user stream metadata stream_options type role media_type cache_control',
    'tool_choice reasoning_effort service_tier prompt_cache_key status signature',
    'id call_id item_id tool_call_id tool_use_id previous_response_id file_id',
    'annotations citation citations logprobs',
  ].flatMap((names) => names.split(' ')),
)

/** Fields whose JSON the model reads as such, with its names and numbers. */
const JSON_FIELDS = new Set(['tools', 'functions', 'schema'])

/** Fields whose numbers are ids of tokens. */
const PROMPTS = new Set(['input', 'prompt'])

/**
 * Estimates the tokens of all texts in a prompt or an answer, except settings and ids.
 *
 * Iterative, because the caller controls how deep the JSON is.
 *
 * @returns not rounded
 */
export function countJsonTokens(body: unknown, tokensPerFile: number): number {
  /** Objects and arrays alone: an array may have millions of numbers. */
  const waiting: Place[] = []
  let tokens = 0
  const see = (place: Place) => {
    const { value, name, isJson } = place
    if (typeof value === 'number') tokens += isJson || PROMPTS.has(name) ? 1 : 0
    else if (typeof value === 'string')
      tokens += !isJson && isFile(value, place) ? tokensPerFile : countTextTokens(value)
    else if (typeof value === 'object' && value !== null) waiting.push(place)
  }
  see({ value: body, name: '', isEncoded: false, isJson: false })
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    const { value, name, isJson } = place
    if (Array.isArray(value)) for (const one of value) see({ value: one, name, isEncoded: false, isJson })
    else
      for (const field of listFields(value as Json, place)) {
        if (isJson) tokens += countTextTokens(field.name)
        see(field)
      }
  }
  return tokens
}

/** A value, and the name of its field. */
interface Place {
  readonly value: unknown
  readonly name: string
  /** Whether it is a file in base64. */
  readonly isEncoded: boolean
  /** Whether the model reads it as JSON. */
  readonly isJson: boolean
}

function listFields(object: Json, { name, isJson }: Place): Place[] {
  const encoded = findEncoded(object, name)
  return Object.entries(object).flatMap(([field, value]) =>
    SETTINGS.has(field) && !isJson
      ? []
      : [{ value, name: field, isEncoded: field === encoded, isJson: isJson || isJsonField(field, value) }],
  )
}

/** What a tool is called with is an object; the items of the Responses API are a list. */
const isJsonField = (name: string, value: unknown) =>
  JSON_FIELDS.has(name) || (name === 'input' && typeof value === 'object' && !Array.isArray(value))

/** Of a prompt and of an answer. */
const AUDIO = new Set(['input_audio', 'audio'])

/** @returns the name of the field with a file in base64 */
function findEncoded({ type }: Json, name: string): string | undefined {
  if (type === 'image_generation_call') return 'result'
  return AUDIO.has(name) || (name === 'source' && type === 'base64') ? 'data' : undefined
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
  if (FILES.has(name) || isEncoded) return true
  return ADDRESSES.has(name) && text.startsWith('data:')
}
