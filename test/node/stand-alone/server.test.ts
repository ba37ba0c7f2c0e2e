import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openWorld, type World } from '../../../bench/bench-world.ts'
import { type Server, settingsFor, startServer } from '../../../bench/stand-alone/server.ts'
import { stopUnderLoad } from '../../../bench/stand-alone/stops.ts'
import { freePort } from '../../../local/stack/free-port.ts'
import { openRedis } from '../../../local/support/redis-command.ts'
import { execute, scratchDatabase } from '../../support/scratch-database.ts'
import { ROOT, runScript } from '../scripts/support.ts'
import { openRelay } from './relay.ts'

const { DATABASE_URL = '', REDIS_URL = '' } = process.env
/** Another database of the same server. */
const SECOND_REDIS = REDIS_URL && Object.assign(new URL(REDIS_URL), { pathname: '/1' }).href
/** Includes a first build, on a busy machine. */
const WITHIN_MS = 120_000

let world: World
let settings: NodeJS.ProcessEnv

async function start(change: NodeJS.ProcessEnv = {}, args: string[] = []): Promise<Server> {
  const server = await startServer({ ...settings, PORT: String(await freePort()), ...change }, args)
  onTestFinished(() => void server.end('SIGKILL'))
  return server
}

const logged = ({ logs }: Server) => logs.map((line) => (JSON.parse(line) as { event: string }).event)

async function until(isSo: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  for (const end = Date.now() + withinMs; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 100)))
    if (Date.now() > end) throw new Error('It never was so.')
}

const verify = (server: Server, key: string) =>
  fetch(`${server.url}/api/v1/keys/verify`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${world.serviceKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ key }),
  })

/** The exit code of the image's health check. */
async function checkImage(url: string): Promise<number | null> {
  const env = { PATH: process.env.PATH, PORT: new URL(url).port }
  const [code] = await once(spawn(process.execPath, ['local/stand-alone/health.ts'], { cwd: ROOT, env }), 'exit')
  return code
}

describe.runIf(DATABASE_URL && REDIS_URL)('npm start', { timeout: WITHIN_MS }, () => {
  beforeAll(async () => {
    world = await openWorld({ databaseUrl: DATABASE_URL, redisUrl: REDIS_URL })
    settings = settingsFor(world.databaseUrl ?? '', REDIS_URL, 0)
  }, WITHIN_MS)

  afterAll(() => world.close())

  test('it serves the API, the dashboard and the documentation, and ends with 0', async () => {
    const server = await start()
    const ask = (path: string) => fetch(server.url + path)

    expect(await (await ask('/health')).json()).toMatchObject({ database: 'connected', redis: 'connected' })
    const page = await (await ask('/dashboard')).text()
    const [, script = ''] = /src="(\/dashboard\/assets\/[^"]+\.js)"/.exec(page) ?? []
    const file = await ask(script)
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(await (await ask('/docs/operate/stand-alone.md')).text()).toContain('# Without Cloudflare')
    expect((await ask('/dashboard/assets/..%2f..%2f..%2fmanifest.json')).status).toBe(404)
    expect((await ask('/dashboard/assets/none.js')).status).toBe(404)

    expect(await server.end('SIGINT')).toBe(0)
    expect(logged(server).slice(-2)).toEqual(['stopping', 'stopped'])
    await expect(ask('/health')).rejects.toThrow()
  })

  test('a database that lacks migrations stops the start by their names, and --migrate applies them', async () => {
    const empty = await scratchDatabase(DATABASE_URL)
    onTestFinished(empty.drop)
    const bare = { DATABASE_URL: empty.url }
    await expect(start(bare)).rejects.toThrow(/The database lacks \d+ migrations: 0000_foundation, .*--migrate/)

    const server = await start(bare, ['--migrate'])
    expect(logged(server)).toContain('migrated')
    expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ status: 'healthy' })
    expect(await server.end('SIGTERM')).toBe(0)
    expect((await runScript('migrate status', bare)).stdout).not.toContain('pending')
    expect((await runScript('seed --service-key', bare)).stdout).toMatch(/^Service key, shown this once: \S+$/m)
  })

  test('each of several Redis databases is used', async () => {
    const [first, second] = [new Redis(REDIS_URL), new Redis(SECOND_REDIS)]
    onTestFinished(() => [first, second].forEach((redis) => redis.disconnect()))
    for (const redis of [first, second]) await redis.del('health:probe')
    const server = await start({ REDIS_SHARD_URLS: SECOND_REDIS })
    expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ redis: 'connected' })
    expect(await Promise.all([first, second].map((redis) => redis.exists('health:probe')))).toEqual([1, 1])
    expect(await server.end('SIGTERM')).toBe(0)
  })

  test('scripts reach each of several Redis databases', async () => {
    const key = `used:${crypto.randomUUID()}:2026-11`
    const databases = [REDIS_URL, SECOND_REDIS].map((url) => new Redis(url))
    onTestFinished(() => databases.forEach((redis) => redis.disconnect()))
    for (const redis of databases) await redis.set(key, '1', 'EX', 60)
    const opened = await openRedis({ REDIS_URL, REDIS_SHARD_URLS: SECOND_REDIS })
    onTestFinished(opened.close)
    for (const send of opened.databases) expect(await send(['EXISTS', key])).toBe(1)
    for (const send of opened.databases) expect(await send(['UNLINK', key])).toBe(1)
  })

  test('analytics read from a second database, and from the first if that is down', async () => {
    const replica = await scratchDatabase(DATABASE_URL)
    await runScript('migrate up', { DATABASE_URL: replica.url })
    const server = await start({ DATABASE_REPLICA_URL: replica.url })
    const address = { email: `a${crypto.randomUUID()}@acme.dev`, password: 'correct horse battery 9' }
    const post = async (path: string, body: object) => {
      const headers = { 'Content-Type': 'application/json' }
      const answer = await fetch(`${server.url}/api/v1/auth/${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      return (await answer.json()) as { access_token: string }
    }
    await post('register', { ...address, confirm_password: address.password })
    const { access_token } = await post('login', address)
    const ask = async (path: string) => {
      const headers = { Authorization: `Bearer ${access_token}` }
      return (await fetch(`${server.url}/api/v1/${path}`, { headers })).json()
    }
    const user = (await ask('auth/me')) as { organization_id: string }
    await execute(
      replica.url,
      `insert into usage_totals (organization_id, hour, requests, api_calls) values ('${user.organization_id}', '2026-01-05T07:00Z', 7, 7)`,
    )
    const requests = async () => {
      const answer = await ask('usage/summary?from=2026-01-05T07:00:00Z&to=2026-01-05T08:00:00Z')
      return (answer as { totals: { requests: number } }).totals.requests
    }
    expect(await requests()).toBe(7)
    await replica.drop()
    expect(await requests()).toBe(0)
    expect(logged(server)).toContain('replica_failed')
    expect(await server.end('SIGTERM')).toBe(0)
  })

  test('wrong settings and stores are named, never with their values', async () => {
    await expect(start({ SECRET_KEY: 'too-short' })).rejects.toThrow('Missing or wrong: SECRET_KEY.')
    const blocked = createServer().listen(0, '127.0.0.1')
    await once(blocked, 'listening')
    onTestFinished(() => void blocked.close())
    const { port } = blocked.address() as { port: number }
    await expect(start({ PORT: String(port) })).rejects.toThrow(/Is 127.0.0.1:\d+ taken\? HOST and PORT name another/)
  })

  test('a client cannot name its own address, and a trusted proxy can', async () => {
    const addressSeen = async (server: Server, headers: HeadersInit) => {
      const address = { email: `a${crypto.randomUUID()}@acme.dev`, password: 'correct horse battery 9' }
      const post = (path: string, body: object) =>
        fetch(`${server.url}/api/v1/auth/${path}`, {
          method: 'POST',
          headers: { ...headers, 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        })
      expect((await post('register', { ...address, confirm_password: address.password })).status).toBe(201)
      const { access_token } = (await (await post('login', address)).json()) as { access_token: string }
      const sessions = await fetch(`${server.url}/api/v1/auth/sessions`, {
        headers: { Authorization: `Bearer ${access_token}` },
      })
      return JSON.stringify(await sessions.json())
    }
    const forged = { 'CF-Connecting-IP': '203.0.113.9', 'X-Forwarded-For': '203.0.113.8' }

    const open = await addressSeen(await start(), forged)
    expect(open).toContain('"127.0.0.1"')
    expect(open).not.toContain('203.0.113')
    const behind = await addressSeen(await start({ TRUSTED_PROXIES: '127.0.0.1' }), forged)
    expect(behind).toContain('"203.0.113.8"')
  })

  test('crons run when they are due', async () => {
    const server = await start()
    await until(() => server.logs.some((line) => line.includes('"job":"fold-platform-usage"')), 90_000) // each minute
    const runs = server.logs.filter((line) => line.includes('"job":"fold-platform-usage"'))
    expect(runs.length).toBeLessThanOrEqual(1)
    expect(await server.end('SIGTERM')).toBe(0)
  })

  test('stores that go down and return are connected to again, and nothing is lost', async () => {
    const [postgres, redis] = [
      await openRelay(new URL(world.databaseUrl ?? ''), 5432),
      await openRelay(new URL(REDIS_URL), 6379),
    ]
    onTestFinished(async () => void (await Promise.all([postgres.close(), redis.close()])))
    const server = await start({ DATABASE_URL: postgres.url, REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '1000' })
    const { organizationId, keys } = await world.issueKeys(1, { perMinute: 1_000_000, quota: null })
    const [key = ''] = keys
    const health = async () =>
      (await (await fetch(`${server.url}/health`)).json()) as { database: string; redis: string }
    const isWell = async () => Object.values(await health()).includes('healthy')
    expect((await verify(server, key)).status).toBe(200)
    expect(await checkImage('http://127.0.0.1:1'), 'nothing answers there').toBe(1)

    for (const store of [postgres, redis]) {
      await store.close()
      await until(async () => !(await isWell()))
      expect(await checkImage(server.url), 'a supervisor must not end what still verifies').toBe(0)
      expect(await (await verify(server, key)).json()).toMatchObject({ code: 'VALID' }) // cached data stays in use
      await store.open()
      await until(isWell)
    }
    expect(await (await verify(server, key)).json()).toMatchObject({ code: 'VALID' })
    expect(await server.end('SIGTERM')).toBe(0)
    const [row] = await world.sql.query(
      'select sum(api_calls)::int as calls from usage_periods where organization_id = $1',
      [organizationId],
    )
    expect(row?.calls).toBe(4)
  })

  test('two SIGTERMs under load lose nothing, and return what was leased', async () => {
    for (let round = 0; round < 2; round++) {
      const server = await start()
      const stop = await stopUnderLoad(world, server, { signal: 'SIGTERM', connections: 8, afterMs: 2_500 })
      expect(stop).toMatchObject({ lost: 0, strange: [], code: 0 })
      expect(stop.admitted).toBeGreaterThan(100)
      expect(stop.written).toBe(stop.admitted)
      expect(stop.counted).toBe(stop.admitted)
    }
  })

  test('a SIGKILL under load loses at most half a second, and leaves no workerd behind', async () => {
    const server = await start()
    const stop = await stopUnderLoad(world, server, { signal: 'SIGKILL', connections: 8, afterMs: 3_000 })
    expect(stop.admitted).toBeGreaterThan(100)
    expect(stop.lost).toBeLessThanOrEqual(stop.admitted / 3)
    expect(stop.counted).toBeGreaterThanOrEqual(stop.admitted)
    await until(() =>
      fetch(`${server.url}/health`).then(
        () => false,
        () => true,
      ),
    )
  })

  test('the commands of its page start it', async () => {
    const page = await readFile(join(ROOT, 'docs/operate/stand-alone.md'), 'utf8')
    const [first = '', second = ''] = [...page.matchAll(/```\n([\s\S]*?)```/g)].map(([, block = '']) => block)
    const empty = await scratchDatabase(DATABASE_URL)
    onTestFinished(empty.drop)
    const commands = first
      .replace(/DATABASE_URL=\S+/, `DATABASE_URL=${empty.url}`)
      .replace(/REDIS_URL=\S+/, `REDIS_URL=${REDIS_URL}`)
      .replace('npm ci\n', '') // it has run, or this would not
    const port = await freePort()
    const shell = spawn('sh', ['-ec', `export PORT=${port}\n${commands}`], {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void process.kill(-Number(shell.pid), 'SIGKILL'))
    await until(() =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    const env = { PATH: process.env.PATH, DATABASE_URL: empty.url }
    const { stdout } = await promisify(execFile)('sh', ['-ec', second], { cwd: ROOT, env })
    expect(stdout).toMatch(/Service key, shown this once: \S+/)
    expect(stdout).toContain('you@example.com')
  })
})
