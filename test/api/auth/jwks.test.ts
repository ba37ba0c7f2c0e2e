import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { app } from '../../../src/app.ts'
import { call, randomIp } from '../../support/http.ts'
import { EDWARDS, ELLIPTIC, type Jwk, SHARED } from '../../support/jwk.ts'

const JWKS = '/.well-known/jwks.json'

/** A deployment with these keys, over the stores of this test run. */
function deployment(...keys: Jwk[]) {
  const { JWT_SECRET_KEY: _, ...rest } = env as unknown as Record<string, unknown>
  const variables = { ...rest, JWT_KEYS: JSON.stringify({ keys }) }
  return async function request(path: string, { body, token }: { body?: object; token?: string } = {}) {
    const context = createExecutionContext()
    const response = await app.fetch(
      new Request(`https://tollgate.test${path}`, {
        method: body ? 'POST' : 'GET',
        headers: {
          'CF-Connecting-IP': randomIp(),
          ...(body && { 'Content-Type': 'application/json' }),
          ...(token && { Authorization: `Bearer ${token}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
      }),
      variables,
      context,
    )
    const text = await response.text()
    await waitOnExecutionContext(context)
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined, text }
  }
}

describe('GET /.well-known/jwks.json', () => {
  test('is an empty set if one shared secret signs, and may be cached for five minutes', async () => {
    const { status, headers, body } = await call(`GET ${JWKS}`)
    expect(status).toBe(200)
    expect(headers.get('Content-Type')).toMatch(/^application\/json/)
    expect(headers.get('Cache-Control')).toBe('public, max-age=300')
    expect(body).toEqual({ keys: [] })
    expect((await deployment(SHARED)(JWKS)).body).toEqual({ keys: [] })
  })

  test('holds the public parts of asymmetric keys, and no private part', async () => {
    const { body, text } = await deployment(ELLIPTIC, SHARED, EDWARDS)(JWKS)
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).toEqual(['elliptic', 'edwards'])
    for (const secret of [ELLIPTIC.d, EDWARDS.d, SHARED.k, '"d"', '"k"', 'shared']) expect(text).not.toContain(secret)
  })

  test('is all that a service needs to verify access tokens itself', async () => {
    const ask = deployment(EDWARDS, ELLIPTIC)
    const { access_token: token } = await signIn(ask)
    const keys = createLocalJWKSet((await ask(JWKS)).body)
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: 'https://tollgate.test',
      audience: 'tollgate',
      typ: 'at+jwt',
    })
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: 'edwards' })
    expect(payload.sub).toBe((await ask('/api/v1/auth/me', { token })).body.id)
  })

  test('accepts only GET and HEAD', async () => {
    const { status, headers } = await call(`POST ${JWKS}`, { body: {} })
    expect(status).toBe(405)
    expect(headers.get('Allow')).toBe('GET, HEAD')
  })
})

describe('GET /.well-known/jwks.json: v5.0.0-9.1.3 a rotation of keys', () => {
  test('signs nobody out: old tokens stay valid alongside new ones until their key is removed', async () => {
    const [before, during, after] = [deployment(ELLIPTIC), deployment(EDWARDS, ELLIPTIC), deployment(EDWARDS)]
    const old = await signIn(before)
    const fresh = await refresh(during, old.refresh_token)
    const statusOf = async (ask: typeof before, token: string) => (await ask('/api/v1/auth/me', { token })).status

    expect(await statusOf(during, old.access_token)).toBe(200)
    expect(await statusOf(during, fresh.access_token)).toBe(200)
    expect(await statusOf(after, old.access_token)).toBe(401)
    expect(await statusOf(after, fresh.access_token)).toBe(200)
    expect(await statusOf(before, fresh.access_token)).toBe(401)
  })

  test('an unusable key set is a 503 that says which key is wrong, and shows nothing of it', async () => {
    const weak = { ...SHARED, k: 'c2VzYW1l' }
    const { status, body, text } = await deployment(ELLIPTIC, weak)('/openapi.json')
    expect(status).toBe(503)
    expect(body).toMatchObject({
      code: 'misconfigured',
      detail: expect.stringContaining('JWT_KEYS key 2 is too weak'),
    })
    for (const part of [weak.k, ELLIPTIC.x, ELLIPTIC.d]) expect(text).not.toContain(part)
  })
})

async function signIn(ask: ReturnType<typeof deployment>) {
  const credentials = { email: `keys-${crypto.randomUUID()}@example.com`, password: 'correct horse battery' }
  expect((await ask('/api/v1/auth/register', { body: credentials })).status).toBe(201)
  return (await ask('/api/v1/auth/login', { body: credentials })).body
}

async function refresh(ask: ReturnType<typeof deployment>, refreshToken: string) {
  return (await ask('/api/v1/auth/refresh', { body: { refresh_token: refreshToken } })).body
}
