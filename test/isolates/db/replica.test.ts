import { afterEach, describe, expect, test, vi } from 'vitest'
import { newUser } from '../../support/http.ts'
import { workerWith } from '../../support/variant.ts'

afterEach(() => vi.restoreAllMocks())

const { call } = workerWith({ DATABASE_REPLICA_URL: 'postgresql://postgres:local@replica/postgres' })

/** Requests to the database by target. The stack's one database answers for both, unless `failing` does. */
function watch(failing?: () => Response) {
  const asked = { replica: [] as string[], primary: [] as string[] }
  const network = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const place = new Headers(init?.headers).get('Neon-Connection-String')
    if (place === null) return network(input, init)
    const isReplica = place.includes('@replica/')
    asked[isReplica ? 'replica' : 'primary'].push(init?.body as string)
    return isReplica && failing ? failing() : network(input, init)
  })
  return asked
}

function linesLogged() {
  const lines: { event: string; count: number }[] = []
  vi.spyOn(console, 'warn').mockImplementation((line) => void lines.push(JSON.parse(String(line))))
  return lines
}

const SPAN = 'from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z'
const QUESTIONS = [
  `summary?${SPAN}`,
  `timeseries?${SPAN}&interval=hour`,
  `breakdown?${SPAN}&by=model`,
  `events?${SPAN}`,
  `export?${SPAN}`,
  'forecast',
]

let minutes = 0

describe('with a replica', () => {
  test.each(QUESTIONS)('analytics read from it, and nothing is written there: usage/%s', async (question) => {
    const { token } = await newUser()
    const asked = watch()
    const answer = await call(`GET /api/v1/usage/${question}`, undefined, undefined, {
      Authorization: `Bearer ${token}`,
    })
    expect(answer.status).toBe(200)
    expect(asked.replica.length).toBeGreaterThan(0)
    for (const batch of asked.replica) expect(batch).toMatch(/^{"queries":\[{"query":"set local jit/)
    expect(asked.primary.join()).not.toMatch(/from usage_(events|hourly|totals)/)
  })

  test('other routes never query it', async () => {
    const { token } = await newUser()
    const asked = watch()
    const headers = { Authorization: `Bearer ${token}` }
    expect((await call('POST /api/v1/auth/api-keys', { name: 'App' }, undefined, headers)).status).toBe(201)
    expect((await call('GET /api/v1/auth/me', undefined, undefined, headers)).status).toBe(200)
    expect(asked.primary.length).toBeGreaterThan(0)
    expect(asked.replica).toEqual([])
  })

  test.each([
    ['is away', () => new Response('no compute', { status: 502 })],
    ['lacks a table', () => Response.json({ message: 'no such table', code: '42P01' }, { status: 400 })],
  ])('the primary answers if it %s, and a log line says so', async (_, failing) => {
    const { token } = await newUser()
    const lines = linesLogged()
    const asked = watch(failing)
    const real = Date.now
    vi.spyOn(Date, 'now').mockImplementation(() => real() + minutes * 60_000)
    minutes += 1 // a line of the previous test covers one second
    const answer = await call(`GET /api/v1/usage/summary?${SPAN}`, undefined, undefined, {
      Authorization: `Bearer ${token}`,
    })
    expect(answer).toMatchObject({ status: 200, body: { totals: { requests: 0 } } })
    expect(asked.primary).toContain(asked.replica[0])
    expect(lines.filter(({ event }) => event === 'replica_failed')).toMatchObject([{ count: 1 }])
  })

  test('a query that took the replica two seconds is not sent to the primary as well', async () => {
    const { token } = await newUser()
    const real = Date.now
    let aheadMs = 0
    vi.spyOn(Date, 'now').mockImplementation(() => real() + aheadMs)
    const asked = watch(() => {
      aheadMs = 2_001
      return Response.json({ message: 'canceled', code: '57014' }, { status: 400 })
    })
    const answer = await call(`GET /api/v1/usage/summary?${SPAN}`, undefined, undefined, {
      Authorization: `Bearer ${token}`,
    })
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(asked.primary).not.toContain(asked.replica[0])
  })
})

test('a malformed connection string of a replica leaves analytics to the primary', async () => {
  const { token } = await newUser()
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const wrong = workerWith({ DATABASE_REPLICA_URL: 'mysql://replica' })
  const answer = await wrong.call(`GET /api/v1/usage/summary?${SPAN}`, undefined, undefined, {
    Authorization: `Bearer ${token}`,
  })
  expect(answer.status).toBe(200)
})
