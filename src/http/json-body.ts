import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { Problem } from '../problems.ts'
import type { ManagementEnv } from './management-env.ts'

/** Larger than any body of ours needs to be; the platform's own limit is 100 MB. */
const MAX_BODY_BYTES = 256 * 1024
const JSON_TYPE = /^application\/json(\s*;.*)?$/i

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

/** For routes that can do without a body. One that is sent is read as strictly as any other. */
export const withOptionalJsonBody = createMiddleware<ManagementEnv>(async function withOptionalJsonBody(c, next) {
  const text = await readAtMost(c.req.raw, MAX_BODY_BYTES)
  if (text !== '' && !isJson(c.req.raw)) throw new Problem('unsupported_media_type')
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
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string
}

async function readJsonText(request: Request): Promise<string> {
  if (!isJson(request)) throw new Problem('unsupported_media_type')
  return readAtMost(request, MAX_BODY_BYTES)
}

function isJson(request: Request): boolean {
  return JSON_TYPE.test(request.headers.get('Content-Type') ?? '')
}

async function readAtMost(request: Request, maxBytes: number): Promise<string> {
  if (Number(request.headers.get('Content-Length') ?? 0) > maxBytes) throw new Problem('body_too_large')
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
