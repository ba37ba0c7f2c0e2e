/** Finds the text that a model reads or writes, wherever its provider puts it in JSON. */

export interface ModelText {
  readonly texts: string[]
  /** Pictures, audio and other files. */
  files: number
}

/** Fields that are no text of the model: settings and ids, and what repeats or signs other text. */
const SETTINGS = new Set(
  [
    'model user stream metadata stream_options type role providerOptions cache_control',
    'mediaType media_type tool_choice reasoning_effort service_tier prompt_cache_key status',
    'id call_id item_id tool_call_id tool_use_id toolCallId previous_response_id file_id',
    'signature annotations citation citations logprobs providerMetadata',
  ].flatMap((names) => names.split(' ')),
)

/** Fields whose JSON the model reads as such, with the names of its fields. */
const JSON_FIELDS = new Set(['tools', 'functions', 'schema'])

/** Fields with a file in base64, and fields with a URL, which may contain a file (`data:`). */
const FILES = new Set(['file_data', 'b64_json'])
const ADDRESSES = new Set(['url', 'image_url', 'file_url', 'audio_url', 'video_url', 'image'])
const TEXT_FILE = /^data:(text\/|application\/(json|xml))/i

type Json = Readonly<Record<string, unknown>>

/** Where a value is: the name of its field, and the object that has the field. */
interface Place {
  readonly name: string
  readonly owner: Json
  /** The name of the owner's own field. */
  readonly ownerName: string
}

/** @returns every text in a prompt or an answer except settings and ids, in its order */
export function readText(value: unknown): ModelText {
  const found: ModelText = { texts: [], files: 0 }
  visit(value, { name: '', owner: {}, ownerName: '' }, found)
  return found
}

function visit(value: unknown, place: Place, found: ModelText): void {
  if (typeof value === 'string' && !isFile(value, place)) found.texts.push(value)
  else if (typeof value === 'string' || ArrayBuffer.isView(value)) found.files++
  else if (typeof value === 'object' && value !== null) visitObject(value, place, found)
}

function visitObject(value: object, place: Place, found: ModelText): void {
  if (isJson(value, place)) return void found.texts.push(JSON.stringify(value))
  if (Array.isArray(value)) return value.forEach((one) => visit(one, placeOfItem(one, place), found))
  for (const [name, field] of Object.entries(value))
    if (!SETTINGS.has(name)) visit(field, { name, owner: value as Json, ownerName: place.name }, found)
}

/** A text in a list stands where the list does. */
const placeOfItem = (item: unknown, place: Place) => (typeof item === 'string' ? place : { ...place, name: '' })

/** What a tool is called with is an object; the items of the Responses API are a list. */
function isJson(value: object, { name, owner }: Place): boolean {
  if (name === 'input') return !Array.isArray(value)
  if (name === 'value') return typeof owner.type === 'string' && owner.type.endsWith('json')
  return JSON_FIELDS.has(name)
}

/** The place of a string decides, not its form: a long string without spaces can be text. */
function isFile(text: string, { name, owner: { type }, ownerName }: Place): boolean {
  if (TEXT_FILE.test(text)) return false
  if (FILES.has(name) || (name === 'result' && type === 'image_generation_call')) return true
  if (name === 'data')
    return ENCODED_IN.has(ownerName) || (ownerName === 'source' && type === 'base64') || type === 'data'
  return ADDRESSES.has(name) && text.startsWith('data:')
}

/** Objects whose field `data` is in base64. */
const ENCODED_IN = new Set(['input_audio', 'audio'])
