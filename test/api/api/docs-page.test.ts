import { Hono } from 'hono'
import { beforeAll, describe, expect, test } from 'vitest'
import { curlFor } from '../../../src/api/docs/curl.ts'
import { operationsByTag, toAnchor } from '../../../src/api/docs/operations.ts'
import { docsPage } from '../../../src/api/docs-page.tsx'
import type { OpenApiDocument } from '../../../src/api/openapi.ts'
import { ROLES } from '../../../src/auth/roles.ts'
import { PROBLEMS } from '../../../src/problems.ts'
import { type Answer, call } from '../../support/http.ts'

const HOSTILE = `"'><script>alert(1)</script><img src=https://evil.test/x onerror=alert(1)>`

let page: Answer
let html: string
let document: OpenApiDocument

beforeAll(async () => {
  page = await call('GET /docs')
  html = page.body
  document = (await call('GET /openapi.json')).body
})

describe('GET /docs', () => {
  test('every operation of the document has its anchor, method and path, and the contents link to it', () => {
    const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item).map((method) => [method, path] as const),
    )
    expect(operations.length).toBeGreaterThan(10)
    for (const [method, path] of operations) {
      const id = toAnchor(method, path)
      expect(html).toContain(`<article id="${id}"`)
      expect(html.split(`href="#${id}"`), id).toHaveLength(3)
      expect(html.replaceAll('<wbr/>', '')).toContain(`${method.toUpperCase()}</span> <code>${path}</code>`)
    }
  })

  test('every problem code has its id with status and title, so that the type of a problem links to it', async () => {
    for (const [code, [status, title]] of Object.entries(PROBLEMS)) {
      const [row = ''] = html.split(`<tr id="${code}">`)[1]?.split('</tr>') ?? []
      expect(row, code).toContain(`>${status}</span>`)
      expect(row, code).toContain(title.replaceAll("'", '&#39;'))
    }
    const { body } = await call('GET /nowhere')
    expect(new URL(body.type).pathname).toBe('/docs')
    expect(html).toContain(`id="${new URL(body.type).hash.slice(1)}"`)
  })

  test('no id occurs twice, and every link within the page has a target', () => {
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    expect(ids).toHaveLength(new Set(ids).size)
    const targets = [...html.matchAll(/ (?:href="#|aria-labelledby=")([^"]*)"/g)].map(([, id]) => id)
    expect(targets.filter((id) => !ids.includes(id))).toEqual([])
  })

  test('the table of roles lists for each permission who has it', () => {
    for (const permission of ROLES.owner) {
      const [row = ''] = html.split(`<th scope="row"><code>${permission}</code></th>`)[1]?.split('</tr>') ?? []
      const cells = [...row.matchAll(/<td class="(yes|no)">/g)].map(([, word]) => word)
      expect(cells).toEqual(
        Object.values(ROLES).map((held: readonly string[]) => (held.includes(permission) ? 'yes' : 'no')),
      )
    }
  })

  test('it loads nothing, and its policy allows exactly its one style and its one script', async () => {
    expect(page.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
    const [, style = ''] = html.match(/<style>([^]*?)<\/style>/) ?? []
    const [, script = ''] = html.match(/<script>([^]*?)<\/script>/) ?? []
    const hashes = [style, script].map(async (text) => {
      const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
      return btoa(String.fromCharCode(...new Uint8Array(digest)))
    })
    const [ofStyle, ofScript] = await Promise.all(hashes)
    expect(page.headers.get('Content-Security-Policy')?.split('; ')).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${ofStyle}'`,
      `script-src 'sha256-${ofScript}'`,
      "base-uri 'none'",
      "object-src 'none'",
      "frame-ancestors 'none'",
      "form-action 'none'",
    ])
    expect(script).not.toMatch(/fetch|import|XMLHttpRequest|innerHTML|eval|<\//)
    expect(html.split('<script')).toHaveLength(2)
    expect(html).not.toMatch(/<(link|img|iframe|object|embed|form|base)\b| (on\w+|src|style)=|javascript:/i)
    expect(html).not.toMatch(/ href="(?!#|\/openapi\.json")/)
    expect(style).not.toMatch(/url\(|@import|<\//)
  })

  test('verification comes first, every tag has a place, and each operation is folded inside the target of its link', () => {
    const titles = [...html.matchAll(/<h2 id="title-[^"]*">([^<]*)</g)].map(([, title]) => title)
    expect(titles).toEqual(document.tags?.map(({ name }) => name))
    expect(titles[0]).toBe('Verification')
    const articles = html.match(/<article id="/g) ?? []
    expect(html.match(/<details class="operation"><summary>/g)).toHaveLength(articles.length)
  })

  test('without its script there is no dead field: the search is hidden until the script runs', () => {
    expect(html).toContain('<search class="search" hidden="">')
    expect(html).toContain("document.querySelector('.search').hidden = false")
  })

  test('it is the same for every caller', async () => {
    const again = await call('GET /docs', { token: 'nonsense', headers: { 'Accept-Language': 'eo', Cookie: 'a=b' } })
    expect(again.status).toBe(200)
    expect(again.body).toBe(html)
  })
})

describe('docsPage', () => {
  test('markup in any text of the document is printed, never interpreted', async () => {
    const hostile = await render(
      documentOf(
        {
          tags: [HOSTILE],
          summary: HOSTILE,
          description: `${HOSTILE}\n\n\`${HOSTILE}\``,
          'x-allow': HOSTILE,
          parameters: [{ name: HOSTILE, in: 'query', required: true, schema: { type: 'string', example: HOSTILE } }],
          requestBody: { content: { 'application/json': { schema: objectOf(HOSTILE) } } },
          responses: {
            200: { description: HOSTILE, content: { 'application/json': { schema: objectOf(HOSTILE) } } },
            400: { description: HOSTILE },
          },
        },
        HOSTILE,
      ),
    )
    expect(hostile).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(hostile.replace(/<script>[^]*?<\/script>/, '')).not.toMatch(/<script|<img/) // except its own
  })

  test('a field shows its type, its bounds, its default, and its nested fields', async () => {
    const text = words(
      await render(
        documentOf({
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['events'],
                  properties: {
                    events: {
                      type: 'array',
                      minItems: 1,
                      maxItems: 1000,
                      items: { type: 'object', properties: { at: { type: ['string', 'null'], format: 'date-time' } } },
                    },
                    mode: { type: 'string', enum: ['live', 'test'], default: 'live' },
                    one: { anyOf: [{ $ref: '#/components/schemas/Thing' }, { type: 'null' }], description: 'Or none.' },
                    many: { type: 'object', additionalProperties: { $ref: '#/components/schemas/Thing' } },
                    either: { oneOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] },
                    count: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
                  },
                },
              },
            },
          },
          responses: {},
        }),
      ),
    )
    expect(text).toContain('events array of object required 1 to 1,000 items.')
    expect(text).toContain('events[]. at string (date-time) or null optional')
    expect(text).toContain('mode string optional One of live , test ; default live .')
    expect(text).toContain('one Thing or null optional Or none.')
    expect(text).toContain('one. id string (uuid) optional')
    expect(text).toContain('many map of Thing optional Fields as in one .')
    expect(text).toContain('either integer or string optional')
    expect(text).toContain('count integer optional At least 0.')
  })

  test('a recursive schema ends', async () => {
    const node = {
      type: 'object' as const,
      properties: { next: { $ref: '#/components/schemas/Node' }, all: { $ref: '#/components/schemas/List' } },
    }
    const list = { type: 'array' as const, items: { $ref: '#/components/schemas/List' } }
    const document = documentOf({
      responses: {
        200: { description: '', content: { 'application/json': { schema: { $ref: '#/components/schemas/Node' } } } },
      },
    })
    document.components = { schemas: { Node: node, List: list } }
    const text = words(await render(document))
    expect(text).toContain('next Node')
    expect(text).toContain('all List')
  })

  test('a call to copy has every required value, with variables for what only its reader knows', () => {
    const command = commandOf({
      security: [{ bearer: [] }],
      'x-allow': 'user',
      parameters: [
        { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
        { name: 'tz', in: 'query', required: true, schema: { type: 'string' } },
        { name: 'limit', in: 'query', schema: { type: 'integer' } },
      ],
      requestBody: {
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['title', 'token'],
              properties: {
                title: { type: 'string', example: "it's" },
                token: { type: 'string' },
                note: { type: 'string' },
              },
            },
          },
        },
      },
      responses: {},
    })
    expect(command).toBe(`curl -X POST "https://api.example.com/things/$THING_ID?tz=UTC" \\
  -H "Authorization: Bearer $ACCESS_TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{
    "title": "it'\\''s",
    "token": "'$TOKEN'"
  }'`)
  })

  test('an open route is called without a credential', () => {
    expect(commandOf({ 'x-allow': 'anyone', responses: {} })).not.toContain('Authorization')
  })
})

type Declared = NonNullable<NonNullable<OpenApiDocument['paths']>[string]['post']>

function documentOf(operation: Declared, title = 'Example'): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: { title, version: title, description: title },
    servers: [{ url: 'https://api.example.com' }],
    paths: { '/things/{id}': { post: operation } },
    components: {
      schemas: { Thing: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } } },
    },
  }
}

function objectOf(text: string) {
  const value = { type: 'string' as const, description: text, default: text, enum: [text, 'b'], pattern: text }
  return { type: 'object' as const, description: text, properties: { [text]: value } }
}

async function render(document: OpenApiDocument): Promise<string> {
  const response = await new Hono().get('/docs', (c) => docsPage(c, document)).request('/docs')
  return response.text()
}

function commandOf(operation: Declared): string {
  const document = documentOf(operation)
  const [declared] = [...operationsByTag(document).values()].flat()
  if (!declared) throw new Error('the document lost its operation')
  return curlFor(document, declared)
}

/** What a reader sees of a page: its text, with single spaces. */
function words(page: string): string {
  return page
    .replace(/<wbr\/?>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
}
