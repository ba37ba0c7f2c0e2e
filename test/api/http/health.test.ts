import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { app } from '../../../src/app.ts'
import { KNOWN_MIGRATIONS } from '../../../src/db/schema-version.ts'
import { MAX_CHECKS, WINDOW_MS } from '../../../src/http/health-limit.ts'
import { VERSION } from '../../../src/version.ts'
import { bodyOf, refuseWrites } from '../../support/broken-stores.ts'
import { NOWHERE } from '../../support/isolate.ts'

let aheadMs = 0
const realNow = Date.now

/** Moves the clock beyond the cache of the last check. */
function later() {
  aheadMs += 2_000
}

beforeEach(() => {
  later()
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + aheadMs)
})
afterEach(() => vi.restoreAllMocks())

async function ask(path: string, variables: Record<string, string> = {}) {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const response = await app.request(path, {}, { ...env, ...variables }, createExecutionContext())
  return { status: response.status, body: await response.json() }
}

describe('GET /health', () => {
  test('with both stores up the service is healthy', async () => {
    expect(await ask('/health')).toEqual({
      status: 200,
      body: { status: 'healthy', service: 'tollgate', version: VERSION, database: 'connected', redis: 'connected' },
    })
  })

  test.each([
    [{ UPSTASH_REDIS_REST_URL: NOWHERE }, { database: 'connected', redis: 'unreachable' }],
    [{ NEON_FETCH_ENDPOINT: NOWHERE }, { database: 'unreachable', redis: 'connected' }],
    [
      { UPSTASH_REDIS_REST_URL: NOWHERE, NEON_FETCH_ENDPOINT: NOWHERE },
      { database: 'unreachable', redis: 'unreachable' },
    ],
  ])('with %o it is a 503 that names the part', async (variables, parts) => {
    expect(await ask('/health', variables)).toMatchObject({ status: 503, body: { status: 'unhealthy', ...parts } })
  })

  test.each([`${env.STACK_URL}/redis-2`, NOWHERE])('each of several Redis databases is checked (%s)', async (url) => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const shards = [{ url, token: env.UPSTASH_REDIS_REST_TOKEN }]
    const isThere = url !== NOWHERE
    expect(await ask('/health', { REDIS_SHARDS: JSON.stringify(shards) })).toMatchObject({
      status: isThere ? 200 : 503,
      body: { database: 'connected', redis: isThere ? 'connected' : 'unreachable' },
    })
    const parts = errors.mock.calls.map(([line]) => (JSON.parse(String(line)) as { part?: string }).part)
    expect(parts).toEqual(isThere ? [] : ['redis-2'])
  })

  test.each(['full', 'read_only'] as const)('a Redis that is %s responds, but is a 503 that says so', async (why) => {
    refuseWrites(why)
    expect(await ask('/health')).toMatchObject({ status: 503, body: { database: 'connected', redis: why } })
  })

  test('a read-only database is a 503 that says so', async () => {
    const real = globalThis.fetch
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const response = await real(input, init)
      if (!bodyOf(init).includes('transaction_read_only')) return response
      return new Response((await response.text()).replace('"off"', '"on"'), response)
    })
    expect(await ask('/health')).toMatchObject({ status: 503, body: { database: 'read_only', redis: 'connected' } })
  })

  test('frequent checks query the stores once a second', async () => {
    const network = vi.spyOn(globalThis, 'fetch')
    /** How often Postgres was checked: an earlier test may still be sending something else. */
    const countLooks = () =>
      new Set(network.mock.calls.map(([, init]) => init).filter((init) => bodyOf(init).includes('read_only'))).size
    const first = await ask('/health')
    const looks = countLooks()
    expect(looks).toBeGreaterThan(0)
    expect(await ask('/health')).toEqual(first)
    expect(countLooks()).toBe(looks)
    later()
    await ask('/health')
    expect(countLooks()).toBeGreaterThan(looks)
  })

  test('checks from one address above its limit are a 429, and others are not affected', async () => {
    const check = (ip: string, path = '/health/live') =>
      app.request(path, { headers: { 'CF-Connecting-IP': ip } }, { ...env }, createExecutionContext())
    for (let count = 0; count < MAX_CHECKS; count++) expect((await check('203.0.113.9')).status).toBe(200)
    for (const path of ['/health', '/health/live', '/health/ready']) {
      const refused = await check('203.0.113.9', path)
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0)
    }
    expect((await check('203.0.113.10')).status).toBe(200)
    aheadMs += WINDOW_MS
    expect((await check('203.0.113.9')).status).toBe(200)
  })

  test('the isolate is alive without either store', async () => {
    expect(await ask('/health/live', { UPSTASH_REDIS_REST_URL: NOWHERE, NEON_FETCH_ENDPOINT: NOWHERE })).toMatchObject({
      status: 200,
      body: { status: 'healthy' },
    })
  })

  test("with the example's address everything but verification is a 503 that names it", async () => {
    const variables = { PUBLIC_URL: 'https://tollgate.example.com' }
    expect(await ask('/openapi.json', variables)).toMatchObject({
      status: 503,
      body: { code: 'misconfigured', detail: "PUBLIC_URL is still the example's." },
    })
    expect(await ask('/health', variables)).toMatchObject({ status: 200 })
    expect(
      (await app.request('/api/v1/keys/verify', { method: 'POST' }, { ...env, ...variables }, createExecutionContext()))
        .status,
    ).toBe(401)
  })

  test('a misconfigured side feature fails alone', async () => {
    expect(await ask('/health', { MAIL_API_KEY: '', POLAR_WEBHOOK_SECRET: '' })).toMatchObject({ status: 200 })
    expect(await ask('/openapi.json', { MAIL_API_KEY: '', POLAR_WEBHOOK_SECRET: '' })).toMatchObject({ status: 200 })
  })

  test('without its configuration every route is a 503 that names what is missing, and no value', async () => {
    const { status, body } = await ask('/health', { JWT_SECRET_KEY: 'far-too-short', DATABASE_URL: '' })
    expect(status).toBe(503)
    expect(body).toMatchObject({ code: 'misconfigured' })
    expect(JSON.stringify(body)).toMatch(/DATABASE_URL.*JWT_SECRET_KEY/)
    expect(JSON.stringify(body)).not.toContain('far-too-short')
  })
})

describe('GET /health/ready', () => {
  /** Beyond the cache of a complete schema. */
  const muchLater = () => {
    aheadMs += 60_000
  }

  test('with both stores and every migration it is ready', async () => {
    expect(await ask('/health/ready')).toEqual({
      status: 200,
      body: {
        status: 'ready',
        version_id: expect.any(String),
        service: 'tollgate',
        version: VERSION,
        database: 'connected',
        redis: 'connected',
        missing_migrations: [],
      },
    })
  })

  test('it says which version answers, and null where the platform has none', async () => {
    const bound = { CF_VERSION_METADATA: { id: 'version-7' } } as unknown as Record<string, string>
    expect(await ask('/health/ready', bound)).toMatchObject({ body: { version_id: 'version-7' } })
    const unbound = { CF_VERSION_METADATA: undefined } as unknown as Record<string, string>
    expect(await ask('/health/ready', unbound)).toMatchObject({ body: { version_id: null } })
  })

  test('a missing migration is named, and an additional one is not an error', async () => {
    const [last] = KNOWN_MIGRATIONS.slice(-1)
    const real = globalThis.fetch
    let other = '9999_of_a_later_version'
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const response = await real(input, init)
      if (!bodyOf(init).includes('schema_migrations')) return response
      return new Response((await response.text()).replace(`["${last}"]`, other), response)
    })
    other = `["${last}"],["9999_of_a_later_version"]`
    muchLater()
    expect(await ask('/health/ready')).toMatchObject({ status: 200, body: { missing_migrations: [] } })
    other = '["9999_of_a_later_version"]'
    muchLater()
    expect(await ask('/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'not_ready', database: 'connected', missing_migrations: [last] },
    })
    vi.restoreAllMocks()
  })

  test('without Postgres it is not ready, and the schema is unknown', async () => {
    muchLater()
    expect(await ask('/health/ready', { NEON_FETCH_ENDPOINT: NOWHERE })).toMatchObject({
      status: 503,
      body: { status: 'not_ready', database: 'unreachable', redis: 'connected', missing_migrations: null },
    })
  })
})
