import { describe, expect, inject, test } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { directly, send } from '../../support/direct.ts'
import { call, newUser, randomIp } from '../../support/http.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const person = await newUser()
const ME = 'GET /api/v1/auth/me'
const JSON_TYPE = { 'Content-Type': 'application/json' }
/** A route whose refusal costs nothing: an unknown refresh token. */
const REFRESH = 'POST /api/v1/auth/refresh'
const UNKNOWN = JSON.stringify({ refresh_token: 'rt_unknown' })

/** One failure of every kind, and the expected response. */
const FAILURES: Record<string, [number, string, () => Promise<Response>]> = {
  'malformed JSON': [400, 'malformed_json', () => send(REFRESH, { headers: JSON_TYPE, body: '{"refresh_token":' })],
  'no body': [400, 'malformed_json', () => send(REFRESH, { headers: JSON_TYPE })],
  'a field of the wrong type': [
    400,
    'invalid_request',
    () => send(REFRESH, { headers: JSON_TYPE, body: '{"refresh_token":1}' }),
  ],
  'no credential': [401, 'unauthenticated', () => send(ME)],
  'a wrong credential': [401, 'unauthenticated', () => send(ME, { headers: { Authorization: 'Bearer a.b.c' } })],
  'a wrong refresh token': [401, 'invalid_refresh_token', () => send(REFRESH, { headers: JSON_TYPE, body: UNKNOWN })],
  'a key where a person is due': [
    403,
    'user_only',
    () => send(ME, { headers: { 'X-API-Key': inject('credentials').api_key } }),
  ],
  'an unknown path': [404, 'not_found', () => send('GET /api/v1/nothing')],
  'an unknown key': [
    404,
    'key_not_found',
    () =>
      send('GET /api/v1/auth/api-keys/01900000-0000-7000-8000-000000000000', {
        headers: { Authorization: `Bearer ${person.token}` },
      }),
  ],
  'a method it does not take': [405, 'method_not_allowed', () => send('DELETE /api/v1/auth/login')],
  'a body too large': [413, 'body_too_large', () => send(REFRESH, { headers: JSON_TYPE, body: ' '.repeat(300_000) })],
  'another media type': [415, 'unsupported_media_type', () => send(REFRESH, { body: UNKNOWN })],
  'too many requests': [429, 'rate_limited', throttled],
}

async function throttled(): Promise<Response> {
  const ip = randomIp()
  const deps = directly()
  await Promise.all(Array.from({ length: 600 }, () => enforceRateLimits(deps, { refresh_address: { address: ip } })))
  return send(REFRESH, { headers: { ...JSON_TYPE, 'CF-Connecting-IP': ip }, body: UNKNOWN })
}

const expectSecurityHeaders = ({ headers }: Response) => {
  expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
  expect(headers.get('Referrer-Policy')).toMatch(/^(no-referrer|strict-origin-when-cross-origin)$/)
  const hsts = headers.get('Strict-Transport-Security') ?? ''
  expect(hsts).toContain('includeSubDomains')
  expect(Number(/max-age=(\d+)/.exec(hsts)?.[1])).toBeGreaterThanOrEqual(31_536_000)
  const csp = headers.get('Content-Security-Policy') ?? ''
  for (const directive of ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"])
    expect(csp).toContain(directive)
  expect(csp).not.toMatch(/script-src[^;]*('unsafe-inline'|'unsafe-eval'|\*|https?:)/)
  expect(headers.get('X-Request-Id')).toMatch(UUID)
  for (const name of ['Server', 'X-Powered-By', 'Set-Cookie']) expect(headers.has(name)).toBe(false)
}

describe('a failure', () => {
  test.each(Object.entries(FAILURES))('by %s is a problem of RFC 9457', async (_, [status, code, provoke]) => {
    const response = await provoke()
    const body = await response.json<Record<string, unknown>>()
    expect(response.status).toBe(status)
    expect(response.headers.get('Content-Type')).toMatch(/^application\/problem\+json(; ?charset=utf-8)?$/i)
    expect(body).toMatchObject({ status, code, title: expect.any(String), detail: expect.any(String) })
    expect(body.type).toMatch(new RegExp(`^https://.*${code}$`))
    expect(body.request_id).toBe(response.headers.get('X-Request-Id'))
    const known = ['code', 'detail', 'errors', 'request_id', 'status', 'title', 'type']
    expect(known).toEqual(expect.arrayContaining(Object.keys(body)))
    expectSecurityHeaders(response)
    expect(response.headers.get('Cache-Control')).toContain('no-store')
    expect(response.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
  })

  test('by throttling says when to retry, and by which limit', async () => {
    const { headers } = await throttled()
    expect(headers.get('Retry-After')).toMatch(/^[1-9]\d*$/)
    expect(headers.get('RateLimit-Policy')).toMatch(/^"[a-z_]+";q=\d+;w=\d+$/)
    expect(headers.get('RateLimit')).toMatch(/^"[a-z_]+";r=0;t=\d+$/)
    const reset = Number(/t=(\d+)/.exec(headers.get('RateLimit') ?? '')?.[1])
    expect(Number(headers.get('Retry-After'))).toBeGreaterThanOrEqual(reset)
  })

  test('has a bare challenge without a credential, and an error with a wrong one', async () => {
    const [none, wrong] = await Promise.all([call(ME), call(ME, { token: 'a.b.c' })])
    expect(none.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm="[^"]+", resource_metadata="[^"]+"$/)
    expect(wrong.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm="[^"]+", error="invalid_token"/)
  })

  test('names every wrong field with its path', async () => {
    const { body } = await call('POST /api/v1/auth/register', { body: { email: 7, confirm_password: [] } })
    expect(body.errors.map(({ path }: { path: string }) => path).toSorted()).toEqual([
      'body.confirm_password',
      'body.email',
      'body.password',
    ])
    for (const error of body.errors) expect(Object.keys(error).toSorted()).toEqual(['message', 'path'])
  })
})

describe('every answer', () => {
  test.each(['/health', '/health/live', '/openapi.json', '/docs', '/'])(
    'of %s has the security headers',
    async (path) => {
      expectSecurityHeaders(await send(`GET ${path}`))
    },
  )

  test('has its own request id, whatever the caller sends', async () => {
    const mine = '01900000-0000-7000-8000-000000000000'
    const answers = await Promise.all([1, 2, 3].map(() => call(ME, { headers: { 'X-Request-Id': mine } })))
    expect(new Set(answers.map(({ body }) => body.request_id)).size).toBe(3)
    const hostile = await call(ME, { headers: { 'X-Request-Id': '<script>' } })
    expect(JSON.stringify([hostile.body, [...hostile.headers]])).not.toContain('<script>')
  })

  test('for an authenticated caller is not cached', async () => {
    for (const path of ['auth/me', 'quotas', 'auth/api-keys', 'auth/usage/stats']) {
      const { status, headers } = await call(`GET /api/v1/${path}`, { token: person.token })
      expect(status).toBe(200)
      expect(headers.get('Cache-Control')).toContain('no-store')
      expect(headers.get('Content-Type')).toMatch(/^application\/json/)
    }
  })

  test('of the documentation runs no script from elsewhere', async () => {
    const page = await (await send('GET /docs')).text()
    expect(page).not.toMatch(/<(script|link|img|iframe)[^>]+(src|href)=["']?(https?:)?\/\//i)
    expect(page).not.toMatch(/ on[a-z]+=/i)
  })
})

describe('GET /health', () => {
  test('names the parts that work', async () => {
    expect(await call('GET /health')).toMatchObject({
      status: 200,
      body: {
        status: 'healthy',
        service: 'tollgate',
        version: expect.any(String),
        database: 'connected',
        redis: 'connected',
      },
    })
  })
})

describe('a path', () => {
  test.each([
    '/.git/config',
    '/.env',
    '/wrangler.toml',
    '/.dev.vars',
    '/api/v1',
    '/api/v2/auth/me',
    '/api/v1/%2e%2e/health',
    '/%',
    '/api/v1/auth/api-keys/%ff',
  ])('%s leads nowhere, and nothing breaks', async (path) => {
    const { status, headers } = await call(`GET ${path}`, { token: person.token })
    expect([400, 404]).toContain(status)
    expect(headers.get('Content-Type')).toContain('application/problem+json')
  })

  test('under /api/auth/ is the same as under /api/v1/auth/', async () => {
    expect((await call('GET /api/auth/me', { token: person.token })).body).toEqual(
      (await call(ME, { token: person.token })).body,
    )
    expect((await call('GET /api/auth/me')).status).toBe(401)
    expect((await call('GET /api/auth/api-keys', { token: person.token })).status).toBe(200)
    expect(
      (await call('POST /api/auth/login', { body: { email: person.email, password: person.password } })).status,
    ).toBe(200)
    expect((await call('POST /api/auth/refresh', { body: {} })).body.code).toBe('invalid_request')
    expect((await call('DELETE /api/auth/login')).status).toBe(405)
    expect((await call('GET /api/quotas', { token: person.token })).status).toBe(404)
  })
})

describe('a method', () => {
  test.each([
    ['DELETE /api/v1/auth/login', ['POST']],
    ['GET /api/v1/auth/register', ['POST']],
    ['POST /api/v1/auth/me', ['GET', 'PUT']],
    ['PUT /api/v1/auth/api-keys', ['GET', 'POST']],
    ['PUT /api/v1/auth/api-keys/01900000-0000-7000-8000-000000000000', ['DELETE', 'GET']],
    ['POST /health', ['GET']],
    ['PROPFIND /api/v1/auth/me', ['GET', 'PUT']],
  ])('%s is a 405 that lists the allowed methods', async (line, methods) => {
    const { status, headers, body } = await call(line, { token: person.token })
    expect(status).toBe(405)
    expect(body.code).toBe('method_not_allowed')
    const allow = (headers.get('Allow') ?? '').split(/, ?/)
    expect(allow).toEqual(expect.arrayContaining(methods))
    expect(allow).not.toContain(line.split(' ')[0])
  })

  test('HEAD is GET without a body', async () => {
    for (const [path, token] of [
      ['/health/live', ''],
      ['/api/v1/auth/me', person.token],
      ['/api/v1/auth/me', ''],
    ] as const) {
      const [head, get] = [await call(`HEAD ${path}`, { token }), await call(`GET ${path}`, { token })]
      expect(head).toMatchObject({ status: get.status, body: '' })
      expect(head.headers.get('Content-Type')).toBe(get.headers.get('Content-Type'))
    }
  })

  test('OPTIONS lists the allowed methods to anyone', async () => {
    const { status, headers } = await call('OPTIONS /api/v1/auth/me')
    expect(status).toBe(204)
    expect(headers.get('Allow') ?? headers.get('Access-Control-Allow-Methods')).toContain('PUT')
    expect((await call('OPTIONS /api/v1/nothing')).status).toBeLessThan(500)
  })
})
