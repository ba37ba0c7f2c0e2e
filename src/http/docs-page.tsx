import type { Context } from 'hono'
import type { OpenApiDocument } from './openapi.ts'
export function docsPage(c: Context, document: OpenApiDocument) {
  return c.json(document)
}
