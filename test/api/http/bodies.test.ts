import { describe, expect, test } from 'vitest'
import { send } from '../../support/direct.ts'
import { call, newKeyHolder } from '../../support/http.ts'

const REFRESH = 'POST /api/v1/auth/refresh'
const UNKNOWN = JSON.stringify({ refresh_token: 'rt_unknown' })
const LIMIT = 256 * 1024
const { token } = await newKeyHolder()

const post = (body: BodyInit, type: string | null = 'application/json') =>
  send(REFRESH, { body, ...(type !== null && { headers: { 'Content-Type': type } }) })
const codeOf = async (response: Response) => [response.status, (await response.json<{ code: string }>()).code]
const issue = (body: unknown) => call('POST /api/v1/auth/api-keys', { token, body })

/** A body that does not say how long it is. */
function streamed(text: string): ReadableStream {
  const bytes = new TextEncoder().encode(text)
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 65_536) controller.enqueue(bytes.subarray(at, at + 65_536))
      controller.close()
    },
  })
}

describe('POST /api/v1/auth/refresh: the size of a body', () => {
  test.each([
    [LIMIT - 1, 401],
    [LIMIT, 401],
    [LIMIT + 1, 413],
    [8 * LIMIT, 413],
  ])('of %d bytes is answered with %d, with or without a stated length', async (bytes, status) => {
    const text = UNKNOWN.padEnd(bytes)
    expect((await post(text)).status).toBe(status)
    expect((await post(streamed(text))).status).toBe(status)
  })

  test('is counted in bytes, not characters', async () => {
    const text = JSON.stringify({ refresh_token: 'x', more: 'é'.repeat(LIMIT / 2) })
    expect(text.length).toBeLessThan(LIMIT)
    expect(await codeOf(await post(text))).toEqual([413, 'body_too_large'])
  })
})

describe('POST /api/v1/auth/refresh: the type of a body', () => {
  test.each([
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/xml',
    'text/json',
    'json',
    '',
  ])('"%s" is refused, even around valid JSON', async (type) => {
    expect(await codeOf(await post(UNKNOWN, type))).toEqual([415, 'unsupported_media_type'])
  })

  test.each(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON;charset=UTF-8'])(
    '"%s" is accepted',
    async (type) => {
      expect((await post(UNKNOWN, type)).status).toBe(401)
    },
  )
})

describe('POST /api/v1/auth/refresh: the JSON of a body', () => {
  test.each([
    '',
    ' ',
    '{',
    '{"refresh_token":"x"',
    '{"refresh_token":"x"}}',
    "{'refresh_token':'x'}",
    '{"refresh_token":undefined}',
    '{"refresh_token":NaN}',
    '{"refresh_token":"x",}',
    '\u0000',
    'null\u0000',
    '<xml/>',
    'refresh_token=x',
  ])('%j is malformed', async (text) => {
    expect(await codeOf(await post(text))).toEqual([400, 'malformed_json'])
  })

  test.each([
    ['a lone continuation byte', [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0x80, 0x22, 0x7d]],
    ['a byte that UTF-8 never has', [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]],
    ['an overlong form', [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc0, 0xaf, 0x22, 0x7d]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('%s is malformed', async (_, bytes) => {
    expect(await codeOf(await post(new Uint8Array(bytes)))).toEqual([400, 'malformed_json'])
  })

  test.each(['null', 'true', '0', '"text"', '[]', '[{"refresh_token":"x"}]', '{}'])(
    '%s is valid JSON, but not the expected type',
    async (text) => {
      expect(await codeOf(await post(text))).toEqual([400, 'invalid_request'])
    },
  )

  test.each([1_000, 10_000, 100_000])('nested %d deep is refused or accepted, but harmless', async (depth) => {
    const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`
    for (const text of [nested, `{"refresh_token":${nested}}`, `{"refresh_token":"x","more":${nested}}`]) {
      expect([400, 401]).toContain((await post(text)).status)
    }
    const objects = `${'{"a":'.repeat(depth / 10)}1${'}'.repeat(depth / 10)}`
    for (const metadata of [`{"a":${nested}}`, objects]) {
      expect([201, 400, 403]).toContain((await issue(`{"name":"Deep","metadata":${metadata}}`)).status)
    }
    expect((await call('GET /api/v1/auth/api-keys', { token })).status).toBe(200)
  })

  test('a value that Postgres cannot hold is the caller’s fault, wherever it is', async () => {
    for (const body of [
      { name: 'nul \u0000' },
      { name: 'x', description: '\u0000' },
      { name: 'x', metadata: { value: 'nul \u0000' } },
      { name: 'x', metadata: { 'nul \u0000': 1 } },
      { name: 'x', metadata: { deep: [{ deeper: '\u0000' }] } },
      { name: 'x', scopes: ['a\u0000'] },
      { name: 'x', metadata: { value: '\udc00 half' } },
      { name: 'x', metadata: { 'half \ud800': 1 } },
    ]) {
      expect(await issue(body)).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    }
    expect([201, 400]).toContain((await issue({ name: 'half \ud800' })).status)
    expect([201, 400]).toContain((await issue('{"name":"x","metadata":{"n":1e999}}')).status)
  })

  test('metadata that only resembles such a value comes back unchanged', async () => {
    const metadata = { text: 'the text \\u0000 and \\ud800', whole: '😀', small: 5e-324, big: 1e300, 'a.b': [null] }
    expect(await issue({ name: 'x', metadata })).toMatchObject({ status: 201, body: { metadata } })
  })

  test.each([
    '{"__proto__":{"polluted":true},"name":"x"}',
    '{"name":"x","metadata":{"__proto__":{"polluted":true}}}',
    '{"name":"x","constructor":{"prototype":{"polluted":true}}}',
    '{"name":"x","metadata":{"constructor":{"prototype":{"polluted":true}}}}',
    '{"__proto__":{"name":"inherited"}}',
  ])('%s changes no prototype', async (text) => {
    const { status } = await issue(text)
    expect([201, 400, 403]).toContain(status)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect(({} as Record<string, unknown>).name).toBeUndefined()
  })

  test('a prototype in a body does not supply a missing field', async () => {
    expect((await issue('{"__proto__":{"name":"inherited"}}')).status).toBe(400)
    expect(await codeOf(await post('{"__proto__":{"refresh_token":"x"}}'))).toEqual([400, 'invalid_request'])
  })
})
