import { readAtMost } from '../../http/json-body.ts'
import { type Estimate, estimate } from './estimate.ts'
import { asObject, type Json, parseObject } from './json.ts'
import type { Provider } from './usage.ts'

/** Larger prompts are sent as files, which are not read here. */
const MAX_BODY = 20 * 1024 * 1024
/** Media types whose bodies hold no prompt in JSON. */
const FILES = /^(multipart|audio|image|video)\/|^application\/octet-stream/i

/** A request to a language model. */
export interface ModelRequest {
  /** To send on. */
  readonly body: string
  /** `undefined` for what is no JSON object: the provider will say what is wrong with it. */
  readonly estimate: Estimate | undefined
  /** Whether the usage was asked for on behalf of the caller, who did not. */
  readonly hidesUsage: boolean
}

/**
 * Reads a request that a model may answer.
 *
 * @returns `undefined` for all others, which go on unread
 * @throws Problem `body_too_large`; `malformed_json` for what is no UTF-8
 */
export async function readModelRequest(request: Request, provider: Provider): Promise<ModelRequest | undefined> {
  const { headers, method, body } = request
  if (method !== 'POST' || !body || headers.has('Content-Encoding') || FILES.test(headers.get('Content-Type') ?? ''))
    return undefined
  const text = await readAtMost(request, MAX_BODY)
  const json = parseObject(text)
  if (!json) return { body: text, estimate: undefined, hidesUsage: false }
  const asked = provider === 'openai' ? askForUsage(text, json) : undefined
  return { body: asked ?? text, estimate: estimate(json), hidesUsage: asked !== undefined }
}

/**
 * A stream of chat or text completions says its usage only where it is asked to. The rest of the text stays as it is.
 *
 * @returns `undefined` where it was asked already
 */
function askForUsage(text: string, body: Json): string | undefined {
  if (body.stream !== true || !('messages' in body || 'prompt' in body)) return undefined
  if (!('stream_options' in body)) return text.replace('{', '{"stream_options":{"include_usage":true},')
  const options = asObject(body.stream_options)
  if (options?.include_usage === true) return undefined
  return JSON.stringify({ ...body, stream_options: { ...options, include_usage: true } })
}
