import type { NeonQueryFunction } from '@neondatabase/serverless'
import { Redis } from '@upstash/redis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Stack } from '../../../local/stack/stack.ts'
import { connectNeon, connectUpstash, openStack, sendMail, TOKEN, uniqueName } from './support.ts'

const table = uniqueName()
let stack: Stack
let sql: NeonQueryFunction<false, false>
let redis: Redis

beforeAll(async () => {
  stack = await openStack()
  sql = connectNeon(stack)
  redis = connectUpstash(stack)
  await sql.query(`create table ${table} (id int)`)
})

beforeEach(async () => {
  await sql.query(`truncate ${table}`)
  await control('DELETE', 'counters')
})

afterEach(() => control('DELETE', 'faults'))

afterAll(async () => {
  await sql.query(`drop table ${table}`)
  await stack.close()
})

async function control(method: string, what: 'faults' | 'counters', body?: unknown) {
  const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) }
  const answer = await fetch(`${stack.url}/control/${what}`, init)
  return { status: answer.status, body: answer.status === 204 ? null : await answer.json() }
}

async function inject(fault: object): Promise<void> {
  expect(await control('POST', 'faults', fault)).toMatchObject({ status: 201, body: fault })
}

const insert = () => sql.query(`insert into ${table} values (1)`)
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error: Error) => `${error.name}: ${error.message}`,
  )

async function rowCount(): Promise<number> {
  return (await sql.query(`select from ${table}`)).length
}

test('counters report what arrived and what ran, and reset to zero', async () => {
  await control('DELETE', 'counters')
  await insert()
  await sql.transaction([insert(), insert()])
  await redis.ping()
  await redis.pipeline().ping().ping().exec()
  await sendMail(stack)

  expect((await control('GET', 'counters')).body).toEqual({
    sql: { requests: 2, statements: 3 },
    redis: { requests: 2, commands: 3 },
    redis_2: { requests: 0, commands: 0 },
    mail: { requests: 1 },
    breached: { requests: 0 },
    disposable: { requests: 0 },
    turnstile: { requests: 0 },
    dns: { requests: 0 },
    webhooks: { requests: 0 },
    issuers: { requests: 0 },
    oidc: { requests: 0 },
    polar: { requests: 0 },
    model: { requests: 0 },
    stripe: { requests: 0 },
  })
  await control('DELETE', 'counters')
  expect((await control('GET', 'counters')).body).toEqual({
    sql: { requests: 0, statements: 0 },
    redis: { requests: 0, commands: 0 },
    redis_2: { requests: 0, commands: 0 },
    mail: { requests: 0 },
    breached: { requests: 0 },
    disposable: { requests: 0 },
    turnstile: { requests: 0 },
    dns: { requests: 0 },
    webhooks: { requests: 0 },
    issuers: { requests: 0 },
    oidc: { requests: 0 },
    polar: { requests: 0 },
    model: { requests: 0 },
    stripe: { requests: 0 },
  })
})

test('a request that a fault stops is counted, its statement is not', async () => {
  await inject({ door: 'sql', kind: 'reset_before', count: 1 })
  await outcome(insert())

  expect((await control('GET', 'counters')).body.sql).toEqual({ requests: 1, statements: 0 })
})

test('delay responds late', async () => {
  await inject({ door: 'sql', kind: 'delay', value: 120 })
  const start = performance.now()
  await insert()

  expect(performance.now() - start).toBeGreaterThanOrEqual(115)
})

test('status responds with a page that names the endpoint, and runs nothing', async () => {
  await inject({ door: 'sql', kind: 'status', value: 503, count: 1 })

  expect(await outcome(insert())).toContain(`HTTP status 503): <html><head><title>503</title>`)
  expect(await rowCount()).toBe(0)

  await inject({ door: 'redis', kind: 'status', value: 502 })
  expect(await outcome(redis.ping())).toContain(`${stack.url}/redis`)
})

test('reset_before drops the connection before the statement ran', async () => {
  await inject({ door: 'sql', kind: 'reset_before', count: 1 })

  expect(await outcome(insert())).toContain('NeonDbError: Error connecting to database')
  expect(await rowCount()).toBe(0)
})

test('reset_after drops the connection after the statement ran', async () => {
  await inject({ door: 'sql', kind: 'reset_after', count: 1 })

  expect(await outcome(insert())).toContain('NeonDbError: Error connecting to database')
  expect(await rowCount()).toBe(1)
})

test('truncate cuts the response of a statement that ran', async () => {
  await inject({ door: 'sql', kind: 'truncate', count: 1 })

  expect(await outcome(insert())).toMatch(/^(TypeError|SyntaxError)/)
  expect(await rowCount()).toBe(1)
})

test('hang holds a request until the faults are cleared, and then it runs', async () => {
  await inject({ door: 'sql', kind: 'hang' })
  const hanging = outcome(insert())
  await expect.poll(async () => (await control('GET', 'faults')).body[0].hits, { timeout: 10_000 }).toBe(1)
  await control('DELETE', 'faults')

  expect(await hanging).toBe('fine')
  expect(await rowCount()).toBe(1)
})

test('a request whose client gave up while it hung never runs', async () => {
  await inject({ door: 'sql', kind: 'hang', count: 1 })
  const query = `insert into ${table} values (1)`

  expect(await outcome(sql.query(query, [], { fetchOptions: { signal: AbortSignal.timeout(50) } }))).toContain(
    'timeout',
  )
  await control('DELETE', 'faults')
  expect(await rowCount()).toBe(0)
})

test('hang makes a Redis client that has a timeout throw', async () => {
  await inject({ door: 'redis', kind: 'hang' })
  const signal = () => AbortSignal.timeout(50)
  const impatient = new Redis({ url: `${stack.url}/redis`, token: TOKEN, retry: { retries: 0 }, signal })

  expect(await outcome(impatient.ping())).toContain('TimeoutError')
})

test('a Redis command that ran before the connection dropped has run once', async () => {
  const key = uniqueName()
  await inject({ door: 'redis', kind: 'reset_after', count: 1 })

  expect(await outcome(redis.incr(key))).toContain('fetch failed')
  expect(await redis.getdel(key)).toBe(1)
})

test('email fails like the others: the email was sent, the response was lost', async () => {
  await fetch(`${stack.url}/outbox`, { method: 'DELETE' })
  await inject({ door: 'mail', kind: 'reset_after' })

  expect(await outcome(sendMail(stack))).toContain('fetch failed')
  expect(await (await fetch(`${stack.url}/outbox?format=json`)).json()).toHaveLength(1)
})

test('every 3 hits each third request, and count 2 ends after two hits', async () => {
  await inject({ door: 'sql', kind: 'status', value: 500, every: 3, count: 2 })
  const outcomes = []
  for (let request = 0; request < 9; request += 1) outcomes.push((await outcome(insert())) === 'fine')

  expect(outcomes).toEqual([true, true, false, true, true, false, true, true, true])
  expect((await control('GET', 'faults')).body).toEqual([])
})

test('match hits only requests with that text, written with or without the quotes escaped', async () => {
  await inject({ door: 'sql', kind: 'status', value: 500, match: `insert into "${table}"` })

  expect(await outcome(sql.query(`select from "${table}"`))).toBe('fine')
  expect(await outcome(sql.query(`insert into "${table}" values (1)`))).toContain('500')
})

test('faults of one service leave the others alone', async () => {
  await inject({ door: 'sql', kind: 'status', value: 500 })

  expect(await redis.ping()).toBe('PONG')
  expect((await sendMail(stack)).status).toBe(200)
})

test.for([
  [{ door: 'sql', kind: 'delay' }, 'value'],
  [{ door: 'sql', kind: 'delay', value: -1 }, 'value'],
  [{ door: 'sql', kind: 'status', value: 399 }, 'value'],
  [{ door: 'sql', kind: 'hang', value: 5 }, 'value'],
  [{ door: 'outbox', kind: 'hang' }, 'door'],
  [{ door: 'sql', kind: 'explode' }, 'kind'],
  [{ door: 'sql', kind: 'hang', every: 0 }, 'every'],
  [{ door: 'sql', kind: 'hang', count: 0 }, 'count'],
  [{ door: 'sql', kind: 'hang', percent: 5 }, 'percent'],
] as const)('%j is not a fault, and the response says why', async ([fault, reason]) => {
  const answer = await control('POST', 'faults', fault)

  expect(answer).toMatchObject({
    status: 400,
    body: { error: 'invalid_fault', message: expect.stringContaining(reason) },
  })
  expect((await control('GET', 'faults')).body).toEqual([])
})

test('a rate admits so many requests per second and answers the others with 429 and Retry-After', async () => {
  await inject({ door: 'polar', kind: 'rate', value: 2 })
  const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`${stack.url}/polar/v1/subscriptions/`)))
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThanOrEqual(4) // eight requests fall into at most two seconds
  expect(refused.length).toBeLessThanOrEqual(6)
  expect(new Set(refused.map(({ headers }) => headers.get('retry-after')))).toEqual(new Set(['1']))
  expect((await control('GET', 'faults')).body).toMatchObject([{ kind: 'rate', seen: 8, hits: refused.length }])
})

test('a saved moment opens as a branch, and both databases swap', async () => {
  const asked = (act: string) =>
    fetch(`${stack.url}/control/database`, { method: 'POST', body: JSON.stringify({ do: act }) })
  expect((await asked('switch')).status).toBe(409)
  if (process.env.DATABASE_URL) return expect((await asked('keep')).status).toBe(409)
  await insert()
  expect((await asked('keep')).status).toBe(200)
  await insert()
  for (const act of ['branch', 'switch']) expect((await asked(act)).status).toBe(200)
  expect(await rowCount()).toBe(1)
  expect((await asked('switch')).status).toBe(200)
  expect(await rowCount()).toBe(2)
})
