import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import { hashSource } from '../http/hash-source.ts'
import { Contents } from './docs/contents.tsx'
import { Authentication, Introduction } from './docs/introduction.tsx'
import { OperationArticle } from './docs/operation.tsx'
import { operationsByTag, toAnchor } from './docs/operations.ts'
import { Problems } from './docs/problem-list.tsx'
import { Roles } from './docs/role-table.tsx'
import { SCRIPT } from './docs/script.ts'
import { STYLE } from './docs/style.ts'
import type { OpenApiDocument } from './openapi.ts'

/** The page loads nothing. Its one style and one script are allowed by their hashes (CSP3 §2.3.1). */
const POLICY = [
  "default-src 'none'",
  `style-src ${hashSource(STYLE)}`,
  `script-src ${hashSource(SCRIPT)}`,
  "base-uri 'none'",
  "object-src 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join('; ')

/** The page depends only on its document, so an isolate renders it once. */
const rendered = new WeakMap<OpenApiDocument, ReturnType<typeof html>>()

/**
 * The documentation page, built only from the document, so that it cannot disagree with the routes. The same for
 * everyone.
 */
export function docsPage(c: Context, document: OpenApiDocument) {
  const page = rendered.get(document) ?? html`<!doctype html>${<Page document={document} />}`
  rendered.set(document, page)
  c.header('Content-Security-Policy', POLICY)
  return c.html(page)
}

const findDescription = ({ tags }: OpenApiDocument, tag: string) => tags?.find(({ name }) => name === tag)?.description

function Page({ document }: { readonly document: OpenApiDocument }) {
  const tags = operationsByTag(document)
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${document.info.title} API`}</title>
        <style>{raw(STYLE)}</style>
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <Contents tags={tags} />
        <main id="content">
          <Introduction document={document} />
          <Authentication document={document} />
          {[...tags].map(([tag, operations]) => (
            <section id={toAnchor('tag', tag)} aria-labelledby={toAnchor('title', tag)}>
              <h2 id={toAnchor('title', tag)}>{tag}</h2>
              <p class="facts">{findDescription(document, tag)}</p>
              {operations.map((operation) => (
                <OperationArticle document={document} operation={operation} />
              ))}
            </section>
          ))}
          <Roles />
          <Problems document={document} />
        </main>
        <script>{raw(SCRIPT)}</script>
      </body>
    </html>
  )
}
