import { describe, expect, inject, test } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { directly, send } from '../../support/direct.ts'
import { call, newKeyHolder, randomIp } from '../../support/http.ts'

const { key, token, organizationId } = await newKeyHolder()
const other = await newKeyHolder()
const QUOTAS = 'GET /api/v1/quotas'
const ME = 'GET /api/v1/auth/me'
const bearer = (credential: string) => ({ Authorization: `Bearer ${credential}` })
const ORIGIN = 'https://app.example.com'

describe('a credential', () => {
  test.each(['Bearer', 'bearer', 'BEARER'])('is read after the scheme %s', async (scheme) => {
    expect((await call(ME, { headers: { Authorization: `${scheme} ${token}` } })).status).toBe(200)
  })

  test.each([
    ['another scheme', `Basic ${btoa('user:password')}`],
    ['a token after another scheme', `Token ${token}`],
    ['a bare token', token],
    ['a scheme alone', 'Bearer'],
    ['a scheme and a space', 'Bearer '],
    ['two tokens', `Bearer ${token} ${token}`],
    ['two tokens with a comma', `Bearer ${token}, Bearer ${token}`],
    ['a colon after the scheme', `Bearer: ${token}`],
  ])('is not read from %s', async (_, value) => {
    expect((await call(ME, { headers: { Authorization: value } })).status).toBe(401)
  })

  test('is not read from a cookie or from a header of another name', async () => {
    for (const name of ['Cookie', 'X-Auth-Token', 'X-User-ID', 'Proxy-Authorization', 'X-Access-Token']) {
      const value = name === 'Cookie' ? `access_token=${token}; __Host-session=${token}` : token
      expect((await call(ME, { headers: { [name]: value } })).status).toBe(401)
    }
  })

  test('may be sent twice if both are equal; two that differ are a 400, whichever is good', async () => {
    const both = (bearerOf: string, apiKey: string) =>
      call(QUOTAS, { headers: { ...bearer(bearerOf), 'X-API-Key': apiKey } })
    expect((await both(key, key)).status).toBe(200)
    for (const [one, two] of [
      [key, other.key],
      [token, key],
      [key, 'nonsense'],
      ['nonsense', key],
      ['nonsense', 'other nonsense'],
    ] as const) {
      expect(await both(one, two)).toMatchObject({ status: 400, body: { code: 'ambiguous_credentials' } })
    }
  })

  test('two that differ are a 400 for verification too', async () => {
    const { service_key } = inject('credentials')
    const answer = await call('POST /api/v1/keys/verify', {
      body: { key },
      headers: { ...bearer(service_key), 'X-API-Key': key },
    })
    expect(answer).toMatchObject({ status: 400, body: { code: 'ambiguous_credentials' } })
  })

  test.each(['access_token', 'api_key', 'apikey', 'token', 'key', 'x-api-key', 'authorization', 'API_KEY'])(
    'is not taken from the parameter %s of a URL',
    async (name) => {
      for (const credential of [token, key]) {
        expect((await call(`${QUOTAS}?${name}=${credential}`)).status).toBeOneOf([400, 401])
      }
    },
  )

  test.each(['access_token', 'api_key'])(
    'in the URL as %s is refused even beside a good one in a header',
    async (name) => {
      for (const line of [QUOTAS, ME]) {
        const answer = await call(`${line}?${name}=${token}`, { token })
        expect(answer).toMatchObject({ status: 400, body: { code: 'credentials_in_url' } })
      }
      const service = inject('credentials').service_key
      const verdict = await call(`POST /api/v1/keys/verify?${name}=${service}`, { token: service, body: { key } })
      expect(verdict).toMatchObject({ status: 400, body: { code: 'credentials_in_url' } })
    },
  )

  test('never comes back in an answer', async () => {
    const wrong = `${key.slice(0, -4)}AAAA`
    for (const answer of [await call(QUOTAS, { token: wrong }), await call(QUOTAS, { token: `${token}x` })]) {
      expect(answer.status).toBe(401)
      expect(JSON.stringify([answer.body, [...answer.headers]])).not.toContain(wrong.slice(10))
      expect(JSON.stringify(answer.body)).not.toContain(token.slice(-20))
    }
  })

  test('gets the same response whatever is wrong with it, on any path', async () => {
    const codes = await Promise.all(
      ['quotas', 'auth/me', 'auth/api-keys', `auth/api-keys/${other.keyId}`, 'auth/usage/stats'].map(
        async (path) =>
          (await call(`GET /api/v1/${path}?organization_id=${organizationId}`, { token: 'x.y.z' })).body.code,
      ),
    )
    expect(new Set(codes)).toEqual(new Set(['unauthenticated']))
  })
})

describe('the address of a caller', () => {
  test.each(['X-Forwarded-For', 'X-Real-IP', 'True-Client-IP', 'Forwarded', 'X-Client-IP', 'X-Cluster-Client-IP'])(
    'is not taken from %s: a throttled caller stays throttled',
    async (name) => {
      const ip = randomIp()
      const deps = directly()
      await Promise.all(
        Array.from({ length: 600 }, () => enforceRateLimits(deps, { refresh_address: { address: ip } })),
      )
      const refresh = (headers: Record<string, string>) =>
        call('POST /api/v1/auth/refresh', { ip, headers, body: { refresh_token: 'rt_unknown' } })
      for (const spoofed of [randomIp(), '127.0.0.1', `for=${randomIp()}`]) {
        expect((await refresh({ [name]: spoofed })).status).toBe(429)
      }
    },
  )
})

describe('pages of other origins', () => {
  const preflight = (origin: string, method = 'POST', line = '/api/v1/auth/api-keys') =>
    send(`OPTIONS ${line}`, {
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': method,
        'Access-Control-Request-Headers': 'authorization,content-type,x-api-key,idempotency-key',
      },
    })

  test.each([ORIGIN, 'https://admin.example.com'])('of %s, which is configured, may call', async (origin) => {
    const { status, headers } = await preflight(origin)
    expect([200, 204]).toContain(status)
    expect(headers.get('Access-Control-Allow-Origin')).toBe(origin)
    expect(headers.get('Access-Control-Allow-Methods')).toContain('POST')
    const allowed = headers.get('Access-Control-Allow-Headers')?.toLowerCase() ?? ''
    for (const name of ['authorization', 'content-type', 'x-api-key', 'idempotency-key'])
      expect(allowed).toContain(name)
    expect(headers.has('Access-Control-Allow-Credentials')).toBe(false)
    expect(headers.get('Vary')).toContain('Origin')
  })

  test('of a configured origin may read failures and their headers', async () => {
    for (const line of [ME, 'GET /nothing', 'DELETE /api/v1/auth/login', 'POST /api/v1/auth/refresh']) {
      const { status, headers } = await send(line, { headers: { Origin: ORIGIN } })
      expect(status).toBeGreaterThanOrEqual(400)
      expect(headers.get('Access-Control-Allow-Origin')).toBe(ORIGIN)
      const exposed = headers.get('Access-Control-Expose-Headers')?.toLowerCase() ?? ''
      for (const name of ['x-request-id', 'retry-after', 'ratelimit']) expect(exposed).toContain(name)
    }
  })

  test.each([
    'null',
    'https://evil.example',
    'http://app.example.com',
    'https://app.example.com.evil.example',
    'https://evilapp.example.com',
    'https://app.example.com:8443',
    'https://app.example.org',
    'https://example.com',
    'https://sub.app.example.com',
    'https://app-example.com',
    'https://app.example.com@evil.example',
    'https://app.example.com,https://evil.example',
    'https://tollgate.test.evil.example',
    '*',
    '',
  ])('of "%s" get no permission on preflights, responses or failures', async (origin) => {
    for (const response of [
      await preflight(origin),
      await send(QUOTAS, { headers: { Origin: origin, ...bearer(token) } }),
      await send(ME, { headers: { Origin: origin } }),
    ]) {
      expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull()
      expect(response.headers.get('Access-Control-Allow-Credentials')).toBeNull()
      expect(response.status).toBeLessThan(500)
    }
  })

  test('do not affect other callers: every response varies by origin', async () => {
    for (const line of [ME, '/health', 'GET /openapi.json']) {
      expect((await send(line.includes(' ') ? line : `GET ${line}`)).headers.get('Vary')).toContain('Origin')
    }
  })
})
