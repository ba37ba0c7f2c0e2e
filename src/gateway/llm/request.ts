import { requireReadable } from '../../http/json-body.ts'
import { Problem } from '../../problems.ts'
import { type Estimate, estimate } from './estimate.ts'
import { readForm } from './form.ts'
import { asObject, type Json, parseObject } from './json.ts'
import { readPromptText } from './prompt-body.ts'
import type { Room } from './prompt-room.ts'
import type { Provider } from './usage.ts'

/** UTF-8 bytes per UTF-16 code unit of a text. */
const MAX_BYTES_PER_UNIT = 3
/** Bodies with files. Their parts hold no prompt in JSON. */
const FORM = /^multipart\/form-data/i
/** What counts tokens, or judges a text, makes none: it is free of charge. */
const FREE = /\/(count_tokens|responses\/input_tokens|moderations|tokenize|detokenize)$/

/** Chat and text completions: their streams say their usage only where they are asked to. Other operations refuse to be asked. */
const COMPLETIONS = /\/completions\/?$/i

/** A request to a language model. */
export interface ModelRequest {
  /** To send on. */
  readonly body: string | ReadableStream<Uint8Array>
  /** `undefined` for what uses no tokens, or says nothing of them. */
  readonly estimate: Estimate | undefined
  /** Whether the usage was asked for on behalf of the caller, who did not. */
  readonly hidesUsage: boolean
  /** What the body takes of the isolate's memory; free it once the body is sent. */
  readonly room?: Room
}

interface Asked {
  readonly provider: Provider
  /** Upstream. */
  readonly path: string
}

/**
 * Reads a request that a model may answer. What cannot be read is refused: a lenient model might understand it, and its
 * answer would not count.
 *
 * @returns `undefined` for a request without a body
 * @throws CallerGone; Problem `body_too_large`; `body_too_slow`; `unavailable` while other large prompts are held;
 *   `unsupported_media_type` for a compressed body; `malformed_json` for what is neither a JSON object in UTF-8 nor a
 *   form
 */
export async function readModelRequest(
  request: Request,
  asked: Asked,
  now: () => number,
): Promise<ModelRequest | undefined> {
  if (!request.body) return undefined
  requireReadable(request)
  if (FORM.test(request.headers.get('Content-Type') ?? ''))
    return { body: await readForm(request.body, request.headers), estimate: undefined, hidesUsage: false }
  const { text, room } = await readPromptText(request, now)
  try {
    return { ...readPrompt(asked, text, room), room }
  } catch (error) {
    room.free()
    throw error
  }
}

function readPrompt({ provider, path }: Asked, text: string, room: Room): ModelRequest {
  room.shrink(MAX_BYTES_PER_UNIT * text.length)
  if (text === '') return { body: text, estimate: undefined, hidesUsage: false }
  const json = parseObject(text)
  if (!json) throw new Problem('malformed_json', { detail: 'A request to a model is a JSON object, or a form.' })
  const asked = provider === 'openai' && COMPLETIONS.test(path) ? askForUsage(text, json) : undefined
  const counted = FREE.test(path) ? undefined : estimate(json, path)
  return { body: asked ?? text, estimate: counted, hidesUsage: asked !== undefined }
}

/** @returns the text of a request for a stream, otherwise as it is; `undefined` where it asks for the usage already */
function askForUsage(text: string, body: Json): string | undefined {
  if (body.stream !== true) return undefined
  if (!('stream_options' in body)) return text.replace('{', '{"stream_options":{"include_usage":true},')
  const options = asObject(body.stream_options)
  if (options?.include_usage === true) return undefined
  try {
    return JSON.stringify({ ...body, stream_options: { ...options, include_usage: true } })
  } catch (error) {
    if (error instanceof RangeError) throw new Problem('malformed_json', { detail: 'The JSON is nested too deeply.' })
    throw error
  }
}
