import { quoteName } from '../lib/unknown-fields.ts'
import { Problem } from '../problems.ts'
import { CallerGone } from './caller-gone.ts'

/** Larger than any body of this API needs to be. The platform's own limit is 100 MB. */
export const MAX_BODY_BYTES = 256 * 1024

/**
 * Reads a JSON body: 415 for another media type, 413 above the limit (with or without Content-Length), 400 for invalid JSON.
 *
 * Requiring the media type also blocks pages of other origins: a browser sends a preflight for it (ASVS 3.5.2).
 */
export async function readJson(request: Request): Promise<unknown> {
  return parseJson(await readJsonText(request))
}

/** @returns the media type of a body, without parameters and in lower case */
export function mediaType(request: Request): string {
  return (request.headers.get('Content-Type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

export function readJsonText(request: Request): Promise<string> {
  requireJson(request)
  return readAtMost(request, MAX_BODY_BYTES)
}

/** @throws Problem `unsupported_media_type` if the body is not JSON in UTF-8 (RFC 8259 §8.1), or is compressed */
export function requireJson(request: Request): void {
  const type = request.headers.get('Content-Type') ?? ''
  if (type === 'application/json') return requireReadable(request) // nearly every request
  if (mediaType(request) !== 'application/json') throw new Problem('unsupported_media_type')
  requireReadable(request)
}

/** @throws Problem `unsupported_media_type` for a charset that is not UTF-8, and for a compressed body */
export function requireReadable(request: Request): void {
  const encoding = request.headers.get('Content-Encoding')
  if (encoding !== null && !/^(identity)?$/i.test(encoding.trim())) {
    const detail = `Send the body without Content-Encoding; ${quoteName(encoding)} is not supported.`
    throw new Problem('unsupported_media_type', { detail, headers: { 'Accept-Encoding': 'identity' } })
  }
  const charset = CHARSET.exec(request.headers.get('Content-Type') ?? '')?.[1]
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset))
    throw new Problem('unsupported_media_type', {
      detail: `Send the body in UTF-8; ${quoteName(charset)} is not supported.`,
    })
}

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]*)/i

export function readAtMost(request: Request, maxBytes: number): Promise<string> {
  const announced = Number(request.headers.get('Content-Length') ?? Number.NaN)
  if (announced > maxBytes) throw new Problem('body_too_large')
  return announced <= maxBytes ? readWhole(request, maxBytes) : readStream(request, maxBytes)
}

/** ASCII bodies up to this size are decoded here: the decoder takes longer for so few bytes. */
const MAX_SMALL_BYTES = 2_048
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
/** Faster than the strict decoder. It writes U+FFFD in place of invalid bytes. */
const laxUtf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: false })

/**
 * Reads the body in one call, which works for nearly every request. HTTP does not allow a body longer than its
 * Content-Length.
 *
 * @throws CallerGone if the body ends early
 */
async function readWhole(request: Request, maxBytes: number): Promise<string> {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await request.arrayBuffer())
  } catch {
    throw new CallerGone()
  }
  if (bytes.byteLength > maxBytes) throw new Problem('body_too_large')
  if (bytes.length <= MAX_SMALL_BYTES && isAscii(bytes))
    return String.fromCharCode.apply(null, bytes as unknown as number[])
  const text = laxUtf8.decode(bytes)
  if (!text.includes('\uFFFD')) return text
  try {
    return strictUtf8.decode(bytes) // the caller may have sent U+FFFD itself
  } catch {
    throw new Problem('malformed_json', { detail: 'The body is not valid UTF-8.' })
  }
}

function isAscii(bytes: Uint8Array): boolean {
  let all = 0
  for (let at = 0; at < bytes.length; at++) all |= bytes[at] as number
  return all < 0x80
}

/** For a body without Content-Length. */
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
    throw error instanceof Problem ? error : new Problem('malformed_json', { detail: 'The body is not valid UTF-8.' })
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem('malformed_json')
  }
}
