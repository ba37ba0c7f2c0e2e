import { afterEach, describe, expect, test, vi } from 'vitest'
import { findUnstorable } from '../../../src/db/client.ts'
import { directly } from '../../support/direct.ts'
import { call, newKeyHolder, newUser } from '../../support/http.ts'
import { countTrips } from '../../support/isolate.ts'
import { countQueryRounds } from '../../support/query-rounds.ts'
import { workerWith } from '../../support/variant.ts'

afterEach(() => vi.restoreAllMocks())

/** Answers the first requests to the database as Postgres does when they lose a conflict. */
function overtake(sqlState: string, times: number, matching = '') {
  const real = globalThis.fetch
  let left = times
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const isMeant = typeof input === 'string' && input.includes('/sql') && JSON.stringify(init?.body).includes(matching)
    if (!isMeant || left-- <= 0) return real(input, init)
    return Response.json({ message: 'lost against another', code: sqlState }, { status: 400 })
  })
}

describe('a statement that Postgres undid in favor of another', () => {
  test.each(['40P01', '40001'])('is retried, at most twice: %s', async (sqlState) => {
    overtake(sqlState, 2)
    expect(await directly().sql.query('select 1 as one')).toEqual([{ one: 1 }])
    overtake(sqlState, 3)
    await expect(directly().sql.query('select 1 as one')).rejects.toMatchObject({
      sourceError: { code: 'unavailable' },
    })
  })

  test('is sent once if it failed for another reason', async () => {
    const { sql } = await countTrips(async () => {
      await expect(directly().sql.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    })
    expect(sql).toBe(1)
  })
})

test.each(['40P01', '23503'])(
  'a caller whose retries all failed may retry: %s is not logged as our error',
  async (sqlState) => {
    const person = await newUser()
    overtake(sqlState, 3, 'update')
    const answer = await call('PUT /api/v1/auth/me', { token: person.token, body: { name: 'Ada' } })
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  },
)

test.each(['', '08006', '25006', '28P01', '40001', '53300', '55P03', '57P01', '57P03', '58030', 'XX000'])(
  'a database that is unavailable is a 503 that says when to retry: SQLSTATE "%s"',
  async (sqlState) => {
    const person = await newUser()
    overtake(sqlState, 3, 'update')
    const answer = await call('PUT /api/v1/auth/me', { token: person.token, body: { name: 'Ada' } })
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0)
  },
)

test.each(['22P02', '23514', '42601', '42P01'])(
  'a bug stays a bug: SQLSTATE "%s" is logged as ours',
  async (sqlState) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const person = await newUser()
    overtake(sqlState, 1, 'update')
    const answer = await call('PUT /api/v1/auth/me', { token: person.token, body: { name: 'Ada' } })
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(logged.mock.calls.flat().join()).toContain('request_failed')
  },
)

test('text that Postgres cannot store is a 400, and logged: its schema should refuse it', async () => {
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const person = await newUser()
  overtake('22021', 1, 'update')
  const answer = await call('PUT /api/v1/auth/me', { token: person.token, body: { name: 'Ada' } })
  expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  expect(warned.mock.calls.flat().join()).toContain('text_not_storable')
})

test.each([`select 'x' || $1::text`, `select ($1::text)::jsonb ->> 'a'`])(
  'such text is recognized in every kind of statement: %s',
  async (query) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { sql } = directly()
    for (const text of ['{"a":"\\u0000"}', '{"a":"\\ud800"}', '\0']) {
      const error = await sql.query(query, [text]).catch((caught: unknown) => caught)
      if (Array.isArray(error)) continue // as plain text it can be stored
      expect(findUnstorable(error), `${query} ${JSON.stringify(text)}`).toMatchObject({
        status: 400,
        code: 'invalid_request',
      })
    }
    expect(findUnstorable(await sql.query('select 1/0').catch((caught: unknown) => caught))).toBeUndefined()
  },
)

test.each([
  ['GET /api/v1/auth/api-keys', 2],
  ['GET /api/v1/quotas', 3],
  ['GET /api/v1/organizations', 2],
] as const)('%s takes at most %i sequential database round trips', async (line, atMost) => {
  const { token } = await newUser()
  const { rounds, result } = await countQueryRounds(() => call(line, { token }))
  expect(result.status).toBe(200)
  expect(rounds).toBeLessThanOrEqual(atMost)
})

describe('a request has a budget of time for all its queries', () => {
  /** Lets each query take its time, or more than it is allowed. */
  function slowDown(ms: number) {
    const real = globalThis.fetch
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (typeof input !== 'string' || !input.includes('/sql')) return real(input, init)
      await new Promise<void>((resolve, reject) => {
        setTimeout(resolve, ms)
        init?.signal?.addEventListener('abort', () => reject(new Error('aborted')))
      })
      return real(input, init)
    })
  }

  test('and is a 503 that says when to retry once it is used up, whatever time each query has left', async () => {
    const { token } = await newUser()
    const worker = workerWith({ REQUEST_BUDGET_MS: '1000', DATABASE_TIMEOUT_MS: '20000' })
    slowDown(19_000)
    const began = Date.now()
    const answer = await worker.call('GET /api/v1/auth/api-keys', undefined, undefined, {
      Authorization: `Bearer ${token}`,
    })
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(answer.headers.get('Retry-After')).toBeTruthy()
    expect(Date.now() - began).toBeLessThan(15_000) // the query alone would take 19 s, and has 20
  })

  test('including a verification', async () => {
    const { key } = await newKeyHolder()
    const worker = workerWith({ REQUEST_BUDGET_MS: '1000', DATABASE_TIMEOUT_MS: '20000' })
    slowDown(19_000)
    const began = Date.now()
    const answer = await worker.call('POST /api/v1/keys/verify', { key }, undefined, { Authorization: `Bearer ${key}` })
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(Date.now() - began).toBeLessThan(15_000)
  })
})
