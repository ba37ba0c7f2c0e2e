import { buildExample, type Direction } from './docs/examples.ts'
import type { AnySchema } from './docs/schema.ts'
import { METHODS } from './methods.ts'
import type { OpenApiDocument } from './openapi.ts'

type Media = { schema?: AnySchema; example?: unknown }
type Content = Readonly<Record<string, Media>>

/**
 * Gives each operation an example of its body and of each successful answer: the schema's own `example`,
 * else one that is built from its fields. Changes the document in place: nothing else holds it yet.
 */
export function addExamples(document: OpenApiDocument): void {
  for (const item of Object.values(document.paths ?? {}))
    for (const { requestBody, responses = {} } of METHODS.map((method) => item[method] ?? {})) {
      illustrate(document, (requestBody as { content?: Content } | undefined)?.content, 'typed')
      for (const [status, { content }] of Object.entries<{ content?: Content }>(responses))
        if (status.startsWith('2')) illustrate(document, content, 'received')
    }
}

function illustrate(document: OpenApiDocument, content: Content = {}, direction: Direction): void {
  for (const media of Object.values(content))
    if (media.schema && Object.keys(media.schema).length > 0)
      media.example ??= buildExample(document, media.schema, direction)
}
