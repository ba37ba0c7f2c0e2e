/** Reads a route's body: middlewares for the schemas of routes, on top of the readers in http/json-body.ts. */
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import type { ManagementEnv } from '../auth/env.ts'
import {
  MAX_BODY_BYTES,
  mediaType,
  parseJson,
  readAtMost,
  readJsonText,
  requireJson,
  requireReadable,
} from '../http/json-body.ts'
import { parseInput } from '../problems.ts'

/** Reads JSON for routes whose schema is checked later. Handlers read the body with `c.req.json()`. */
export const withJsonBody = createMiddleware<ManagementEnv>(async function withJsonBody(c, next) {
  const text = await readJsonText(c.req.raw)
  parseJson(text)
  keepText(c, text)
  await next()
})

/** The forms of a route's body beyond JSON of the default size. */
export interface BodyForms {
  readonly maxBytes?: number
  /** Further media types: how to convert a text of that type to the JSON that the route's schema describes. */
  readonly wrap?: Readonly<Record<string, (text: string) => string>>
}

/** Like `withJsonBody`, for a route that accepts more than JSON of the default size. */
export const withBodyForms = ({ maxBytes = MAX_BODY_BYTES, wrap = {} }: BodyForms) =>
  createMiddleware<ManagementEnv>(async function withBodyForms(c, next) {
    const wrapped = Object.hasOwn(wrap, mediaType(c.req.raw)) ? wrap[mediaType(c.req.raw)] : undefined
    requireReadable(c.req.raw)
    if (!wrapped) requireJson(c.req.raw)
    const text = await readAtMost(c.req.raw, maxBytes)
    parseJson(text)
    keepText(c, wrapped ? wrapped(text) : text)
    await next()
  })

/**
 * For routes without a body. An empty object counts as none; fields are refused by name, like any other unknown field.
 */
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

/** For routes with an optional body. A body that is sent is read as strictly as any other. */
export const withOptionalJsonBody = createMiddleware<ManagementEnv>(async function withOptionalJsonBody(c, next) {
  const text = await readAtMost(c.req.raw, MAX_BODY_BYTES)
  if (text !== '') requireJson(c.req.raw)
  parseJson(text || '{}')
  if (text === '') c.req.raw = withEmptyObject(c.req.raw)
  keepText(c, text || '{}')
  await next()
})

/** A proxy may announce a body where there is none. Later code must not treat that as a body of an unknown type. */
function withEmptyObject(request: Request): Request {
  const headers = new Headers(request.headers)
  headers.set('Content-Type', 'application/json')
  headers.delete('Content-Length')
  return new Request(request.url, { method: request.method, headers, body: '{}' })
}

/** Stores a body that was read here where Hono looks for it. Hono keeps promises there, whatever the type says. */
function keepText(c: Context, text: string): void {
  tidyType(c)
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string
}

/** zod-openapi and Hono parse the header again, each with its own pattern. They get it without parameters. */
function tidyType(c: Context): void {
  const type = mediaType(c.req.raw)
  if (c.req.raw.headers.get('Content-Type') === type) return
  const headers = new Headers(c.req.raw.headers)
  headers.set('Content-Type', type)
  c.req.raw = new Request(c.req.raw.url, { method: c.req.raw.method, headers })
}
