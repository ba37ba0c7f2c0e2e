import { Ratelimit } from '@upstash/ratelimit'
import type { Redis } from '@upstash/redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Stack, startStack } from '../../../local/stack/stack.ts'
import { connectUpstash, openStack, TOKEN, uniqueName } from './support.ts'

const run = uniqueName()
let stack: Stack
let redis: Redis
/** A Redis of this file's own: flushing the scripts of a shared one costs others a counted round trip. */
let own: Stack
let ownRedis: Redis

beforeAll(async () => {
  stack = await openStack()
  redis = connectUpstash(stack)
  own = process.env.REDIS_URL ? await startStack({ port: 0, redisToken: TOKEN }) : stack
  ownRedis = connectUpstash(own)
})

afterAll(async () => {
  const keys = await redis.keys(`${run}*`)
  if (keys.length > 0) await redis.del(...keys)
  await Promise.all([...new Set([stack, own])].map((one) => one.close()))
})

const uniqueKey = () => `${run}:${uniqueName()}`

/** Posts as a client without base64 would. */
async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const authorization = { Authorization: `Bearer ${TOKEN}` }
  const init = { method: 'POST', headers: { ...authorization, ...headers }, body: JSON.stringify(body) }
  const answer = await fetch(`${stack.url}${path}`, init)
  return { status: answer.status, body: await answer.json() }
}

async function admitted(limiter: Ratelimit, calls: number): Promise<number> {
  const verdicts = await Promise.all(Array.from({ length: calls }, () => limiter.limit('somebody')))
  return verdicts.filter(({ success }) => success).length
}

test.for([
  ['a fixed window', Ratelimit.fixedWindow(7, '1 h')],
  ['a sliding window', Ratelimit.slidingWindow(7, '1 h')],
  ['a token bucket', Ratelimit.tokenBucket(1, '1 h', 7)],
] as const)('%s admits exactly its limit', async ([, limiter]) => {
  const ratelimit = new Ratelimit({ redis, limiter, prefix: uniqueKey(), ephemeralCache: false })

  expect(await admitted(ratelimit, 20)).toBe(7)
  expect(await admitted(ratelimit, 1)).toBe(0)
  expect(await ratelimit.getRemaining('somebody')).toMatchObject({ remaining: 0 })
})

test('a limiter keeps counting after SCRIPT FLUSH', async () => {
  const limiter = Ratelimit.slidingWindow(3, '1 h')
  const ratelimit = new Ratelimit({ redis: ownRedis, limiter, prefix: uniqueKey(), ephemeralCache: false })
  await ratelimit.limit('somebody')
  await ownRedis.scriptFlush()

  expect(await admitted(ratelimit, 5)).toBe(2)
})

test("a script with Upstash's flag runs under its own hash, until it is flushed", async () => {
  const script = `#!lua flags=allow-key-locking\nreturn ARGV[1] .. '${uniqueKey()}'`
  const hash = await ownRedis.scriptLoad(script)
  expect(await ownRedis.scriptExists(hash, 'f'.repeat(40))).toEqual([1, 0])
  expect(await ownRedis.evalsha(hash, [], ['é'])).toMatch(/^élocal_/)

  await ownRedis.scriptFlush()
  await expect(ownRedis.evalsha(hash, [], ['é'])).rejects.toThrow('NOSCRIPT')

  expect(await ownRedis.eval(script, [], ['é'])).toMatch(/^élocal_/)
  expect(await ownRedis.evalsha(hash, [], ['é'])).toMatch(/^élocal_/)
})

test('other flags of a script stay', async () => {
  const script = '#!lua flags=no-writes,allow-key-locking\nreturn redis.call("set", KEYS[1], 1)'

  await expect(redis.eval(script, [uniqueKey()], [])).rejects.toThrow(/[Ww]rite commands are not allowed/)
})

test('strings, numbers, lists and nil are returned as they were sent', async () => {
  const key = uniqueKey()
  const value = 'ñ 漢字 😀 "quoted" \\ \r\n'
  expect(await redis.set(key, value)).toBe('OK')
  expect(await redis.get(key)).toBe(value)
  expect(await redis.get(uniqueKey())).toBeNull()
  expect(await redis.eval("return {1, ARGV[1], {'OK', false}, redis.status_reply('OK')}", [], [value])).toEqual([
    1,
    value,
    ['OK', null],
    'OK',
  ])
  expect(await redis.ping()).toBe('PONG')
})

test('hashes, sorted sets and scans have the shape that the client expects', async () => {
  const [hash, set] = [uniqueKey(), uniqueKey()]
  await redis.hset(hash, { name: 'é', count: 2 })
  await redis.zadd(set, { score: 1.5, member: 'a' }, { score: 2, member: 'b' })

  expect(await redis.hgetall(hash)).toEqual({ name: 'é', count: 2 })
  expect(await redis.zrange(set, 0, -1, { withScores: true })).toEqual(['a', 1.5, 'b', 2])
  expect(await redis.hscan(hash, 0)).toEqual(['0', ['name', 'é', 'count', 2]])
})

test('with base64 every string but OK is encoded, and non-text bytes survive', async () => {
  const headers = { 'Upstash-Encoding': 'base64' }
  const key = uniqueKey()
  const bytes = 'return {string.char(255, 0, 128), {"é"}, 5}'

  expect(await post('/redis', ['SET', key, 'é'], headers)).toEqual({ status: 200, body: { result: 'OK' } })
  expect((await post('/redis', ['GET', key], headers)).body).toEqual({ result: 'w6k=' })
  expect((await post('/redis', ['EVAL', bytes, 0], headers)).body).toEqual({ result: ['/wCA', ['w6k='], 5] })
})

test('without base64 strings are readable', async () => {
  expect((await post('/redis', ['ECHO', 'é'])).body).toEqual({ result: 'é' })
})

test('a refused command is a 400 with its error', async () => {
  const key = uniqueKey()
  await redis.set(key, 'text')

  expect(await post('/redis', ['INCR', key])).toEqual({
    status: 400,
    body: { error: 'ERR value is not an integer or out of range' },
  })
  await expect(redis.incr(key)).rejects.toThrow('ERR value is not an integer')
})

test('an error in the middle of a pipeline affects only its own command', async () => {
  const key = uniqueKey()
  const results = await redis.pipeline().set(key, 'text').incr(key).get(key).exec({ keepErrors: true })

  expect(results.map(({ error }) => error)).toEqual([undefined, expect.stringContaining('not an integer'), undefined])
  expect(results.map(({ result }) => result)).toEqual(['OK', undefined, 'text'])
})

test('a transaction runs completely, and an error inside it affects only its own command', async () => {
  const key = uniqueKey()
  const results = await redis.multi().set(key, 1).lpush(key, 'x').incr(key).exec({ keepErrors: true })

  expect(results.map(({ error }) => error)).toEqual([undefined, expect.stringContaining('WRONGTYPE'), undefined])
  expect(results[2]?.result).toBe(2)
})

test('a transaction with a command that does not exist runs nothing', async () => {
  const key = uniqueKey()
  const answer = await post('/redis/multi-exec', [['SET', key, '1'], ['NO-SUCH-COMMAND']])

  expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining('EXECABORT') } })
  expect(await redis.exists(key)).toBe(0)
})

test('nothing comes between the commands of a transaction', async () => {
  const key = uniqueKey()
  const move = () => redis.multi().incr(key).decr(key).exec()
  const results = await Promise.all(Array.from({ length: 40 }, move))

  expect(results).toEqual(Array.from({ length: 40 }, () => [1, 0]))
})

test('commands issued in one tick travel as one request', async () => {
  const client = connectUpstash(stack, { enableAutoPipelining: true })
  const keys = Array.from({ length: 5 }, uniqueKey)
  await fetch(`${stack.url}/control/counters`, { method: 'DELETE' })
  await Promise.all(keys.map((key, index) => client.set(key, index)))
  const counters = await (await fetch(`${stack.url}/control/counters`)).json()

  expect(counters.redis).toEqual({ requests: 1, commands: 5 })
  expect(await client.mget(...keys)).toEqual([0, 1, 2, 3, 4])
})

test.for(['/redis', '/redis/pipeline', '/redis/multi-exec'])('%s requires the right token', async (path) => {
  const body = path === '/redis' ? ['PING'] : [['PING']]

  expect(await post(path, body, { Authorization: 'Bearer wrong' })).toEqual({
    status: 401,
    body: { error: 'WRONGPASS invalid or missing auth token' },
  })
  expect(await post(path, body, { Authorization: '' })).toMatchObject({ status: 401 })
  expect(await post(path, body)).toMatchObject({ status: 200 })
})

test('the client reports a wrong token', async () => {
  await expect(connectUpstash(stack, { token: 'wrong' }).ping()).rejects.toThrow('WRONGPASS')
})

test.for([['BLPOP', 'list', '0'], ['SUBSCRIBE', 'channel'], ['multi'], ['XREAD', 'BLOCK', '0', 'STREAMS', 's', '$']])(
  '%s does not work over HTTP, and the error names it',
  async (command) => {
    const error = expect.stringMatching(new RegExp(`^ERR Command is not available: '${command[0]}`, 'i'))

    expect(await post('/redis', command)).toEqual({ status: 400, body: { error } })
    expect((await post('/redis/pipeline', [command, ['ECHO', 'x']])).body).toEqual([{ error }, { result: 'x' }])
  },
)

test.for(['{}', '[]', '[null]', '["GET",{"a":1}]', '"GET"'])('%s is not a command, and refused', async (body) => {
  const error = expect.stringContaining('ERR failed to parse command')

  expect(await post('/redis', JSON.parse(body))).toEqual({ status: 400, body: { error } })
})
