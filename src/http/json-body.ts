import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import { quoteName } from '../lib/unknown-fields.ts'
import { Problem, parseInput } from '../problems.ts'
import type { ManagementEnv } from './management-env.ts'

/** Larger than any body of ours needs to be; the platform's own limit is 100 MB. */
const MAX_BODY_BYTES = 256 * 1024

/**
 * Reads a JSON body as strictly as the answer to a bad one deserves: 415 for another type, 413 for too much (also when
 * the length is not announced), 400 for what does not parse.
 *
 * Insisting on the type also keeps pages of other origins out: a browser asks first before it sends it (ASVS 3.5.2).
 */
export async function readJson(request: Request): Promise<unknown> {
  return parseJson(await readJsonText(request))
}

/** The same for routes whose schema is checked later: handlers find the body in `c.req.json()`. */
export const withJsonBody = createMiddleware<ManagementEnv>(async function withJsonBody(c, next) {
  const text = await readJsonText(c.req.raw)
  parseJson(text)
  keepText(c, text)
  await next()
})

/** How the body of a route may come, where not only as JSON of the usual size. */
export interface BodyForms {
  readonly maxBytes?: number
  /** Further media types: how a text of that type is put into the JSON that the route's schema describes. */
  readonly wrap?: Readonly<Record<string, (text: string) => string>>
}

/** The same for a route that takes more than JSON of the usual size. */
export const withJsonBodyOf = ({ maxBytes = MAX_BODY_BYTES, wrap = {} }: BodyForms) =>
  createMiddleware<ManagementEnv>(async function withJsonBodyOf(c, next) {
    const wrapped = Object.hasOwn(wrap, mediaType(c.req.raw)) ? wrap[mediaType(c.req.raw)] : undefined
    requireReadable(c.req.raw)
    if (!wrapped) requireJson(c.req.raw)
    const text = await readAtMost(c.req.raw, maxBytes)
    parseJson(text)
    keepText(c, wrapped ? wrapped(text) : text)
    await next()
  })

/** @returns the media type of a body, without parameters and in lower case */
export function mediaType(request: Request): string {
  return (request.headers.get('Content-Type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** For routes that take no body. An empty object is none; fields are refused by name, like any other unknown field. */
export const withoutBody = createMiddleware<ManagementEnv>(async function withoutBody(c, next) {
  if (c.req.raw.body !== null) {
    const text = await readAtMost(c.req.raw, MAX_BODY_BYTES)
    if (text.trim() !== '') {
      requireJson(c.req.raw)
      parseInput(NOTHING, parseJson(text))
    }
  }
  await next()
})

const NOTHING = z.strictObject({})

/** For routes that can do without a body. One that is sent is read as strictly as any other. */
export const withOptionalJsonBody = createMiddleware<ManagementEnv>(async function withOptionalJsonBody(c, next) {
  const text = await readAtMost(c.req.raw, MAX_BODY_BYTES)
  if (text !== '') requireJson(c.req.raw)
  parseJson(text || '{}')
  if (text === '') c.req.raw = withEmptyObject(c.req.raw)
  keepText(c, text || '{}')
  await next()
})

/** A proxy may announce a body where there is none: what comes after must not mistake that for one of no known type. */
function withEmptyObject(request: Request): Request {
  const headers = new Headers(request.headers)
  headers.set('Content-Type', 'application/json')
  headers.delete('Content-Length')
  return new Request(request.url, { method: request.method, headers, body: '{}' })
}

/** Puts a body that was read here where Hono looks for it. It keeps promises there, whatever the type says. */
function keepText(c: Context, text: string): void {
  tidyType(c)
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string
}

/** zod-openapi and Hono read the header again, each by a pattern of its own: they get it without the parameters. */
function tidyType(c: Context): void {
  const type = mediaType(c.req.raw)
  if (c.req.raw.headers.get('Content-Type') === type) return
  const headers = new Headers(c.req.raw.headers)
  headers.set('Content-Type', type)
  c.req.raw = new Request(c.req.raw.url, { method: c.req.raw.method, headers })
}

function readJsonText(request: Request): Promise<string> {
  requireJson(request)
  return readAtMost(request, MAX_BODY_BYTES)
}

/** @throws Problem `unsupported_media_type` for what is no JSON in UTF-8 (RFC 8259 §8.1), or compressed */
function requireJson(request: Request): void {
  const type = request.headers.get('Content-Type') ?? ''
  if (type === 'application/json') return requireReadable(request) // as nearly every body comes
  if (mediaType(request) !== 'application/json') throw new Problem('unsupported_media_type')
  requireReadable(request)
}

/** @throws Problem `unsupported_media_type` for a charset that is not UTF-8, and for a body that is compressed */
function requireReadable(request: Request): void {
  const encoding = request.headers.get('Content-Encoding')
  if (encoding !== null && !/^(identity)?$/i.test(encoding.trim())) {
    const detail = `Send the body without Content-Encoding; ${quoteName(encoding)} is not decoded here.`
    throw new Problem('unsupported_media_type', { detail, headers: { 'Accept-Encoding': 'identity' } })
  }
  const charset = CHARSET.exec(request.headers.get('Content-Type') ?? '')?.[1]
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset))
    throw new Problem('unsupported_media_type', {
      detail: `Send the body in UTF-8; ${quoteName(charset)} is not decoded here.`,
    })
}

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]*)/i

function readAtMost(request: Request, maxBytes: number): Promise<string> {
  const announced = Number(request.headers.get('Content-Length') ?? Number.NaN)
  if (announced > maxBytes) throw new Problem('body_too_large')
  return announced <= maxBytes ? readWhole(request, maxBytes) : readStream(request, maxBytes)
}

/** Up to this many bytes ASCII is put together here: for the few of nearly every body the decoder takes longer. */
const FEW_BYTES = 2_048
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
/** Faster than the strict one. It puts U+FFFD where something is wrong. */
const laxUtf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: false })

/** At once, as nearly every body comes: HTTP lets none be longer than it says. */
async function readWhole(request: Request, maxBytes: number): Promise<string> {
  const bytes = new Uint8Array(await request.arrayBuffer())
  if (bytes.byteLength > maxBytes) throw new Problem('body_too_large')
  if (bytes.length <= FEW_BYTES && isAscii(bytes)) return String.fromCharCode.apply(null, bytes as unknown as number[])
  const text = laxUtf8.decode(bytes)
  if (!text.includes('\uFFFD')) return text
  try {
    return strictUtf8.decode(bytes) // the character may have been sent as such
  } catch {
    throw new Problem('malformed_json', { detail: 'The body is not UTF-8.' })
  }
}

function isAscii(bytes: Uint8Array): boolean {
  let all = 0
  for (let at = 0; at < bytes.length; at++) all |= bytes[at] as number
  return all < 0x80
}

/** For a body that does not say how long it is. */
async function readStream(request: Request, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let text = ''
  let bytes = 0
  try {
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) throw new Problem('body_too_large')
      text += decoder.decode(chunk, { stream: true })
    }
    return text + decoder.decode()
  } catch (error) {
    throw error instanceof Problem ? error : new Problem('malformed_json', { detail: 'The body is not UTF-8.' })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem('malformed_json')
  }
}
