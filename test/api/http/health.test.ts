import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { app } from '../../../src/app.ts'
import { VERSION } from '../../../src/version.ts'
import { bodyOf, refuseWrites } from '../../support/broken-stores.ts'
import { NOWHERE } from '../../support/isolate.ts'

let aheadMs = 0
const realNow = Date.now

/** Moves the clock past what an isolate keeps of the last look. */
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
  test('with both stores there the service is healthy', async () => {
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

  test.each(['full', 'read_only'] as const)('a Redis that is %s answers, but is a 503 that says so', async (why) => {
    refuseWrites(why)
    expect(await ask('/health')).toMatchObject({ status: 503, body: { database: 'connected', redis: why } })
  })

  test('a database that only reads is a 503 that says so', async () => {
    const real = globalThis.fetch
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const response = await real(input, init)
      if (!bodyOf(init).includes('transaction_read_only')) return response
      return new Response((await response.text()).replace('"off"', '"on"'), response)
    })
    expect(await ask('/health')).toMatchObject({ status: 503, body: { database: 'read_only', redis: 'connected' } })
  })

  test('who asks often asks the stores once a second', async () => {
    const network = vi.spyOn(globalThis, 'fetch')
    const first = await ask('/health')
    const requests = network.mock.calls.length
    expect(await ask('/health')).toEqual(first)
    expect(network.mock.calls).toHaveLength(requests)
    later()
    await ask('/health')
    expect(network.mock.calls).toHaveLength(2 * requests)
  })

  test('the isolate is alive without either', async () => {
    expect(await ask('/health/live', { UPSTASH_REDIS_REST_URL: NOWHERE, NEON_FETCH_ENDPOINT: NOWHERE })).toMatchObject({
      status: 200,
      body: { status: 'healthy' },
    })
  })

  test('with the address of the example everything but verification is a 503 that names it', async () => {
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

  test('a side feature that cannot work stops alone', async () => {
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
