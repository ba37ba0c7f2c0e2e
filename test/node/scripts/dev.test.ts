import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../local/stack/free-port.ts'
import { createAdviceFilter } from '../../../local/support/advice.ts'
import { findOrphans } from '../../../local/support/orphans.ts'
import { collect, ROOT, runScript } from './support.ts'

/** Far more than it takes; other tests may keep the machine busy. */
const STARTS_WITHIN_MS = 120_000

let folder: string
let ports: { PORT: string; LOCAL_PORT: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-dev-'))
  const [PORT, LOCAL_PORT] = await Promise.all([freePort(), freePort()])
  ports = { PORT: String(PORT), LOCAL_PORT: String(LOCAL_PORT) }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** What `npm run` would set: the project's own programs come first. The embedded stores, whatever the tests run on. */
const environment = (more: NodeJS.ProcessEnv = {}) => ({
  HOME: process.env.HOME,
  PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter),
  TOLLGATE_LOCAL_DIR: join(folder, 'data'),
  ...ports,
  ...more,
})

/** Starts it as a terminal does, in its own process group, and waits for its complete output. */
async function start(...args: string[]) {
  const child = spawn(process.execPath, ['local/dev.ts', ...args], {
    cwd: ROOT,
    env: environment(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const ended = once(child, 'close')
  const pid = Number(child.pid)
  onTestFinished(() => void (isAlive(-pid) && process.kill(-pid, 'SIGKILL')))
  const started = new Promise<void>((resolve) => {
    child.stdout.on('data', () => stdout().includes('Ctrl-C') && resolve())
  })
  await Promise.race([started, ended, setTimeout(STARTS_WITHIN_MS, undefined, { ref: false })])
  expect(stdout(), stderr()).toContain('Ctrl-C')
  return { pid, stdout: stdout(), stderr, ended, ...printedIn(stdout()) }
}

function printedIn(stdout: string) {
  return {
    key: /^The test key: (\S+)$/m.exec(stdout)?.[1] ?? '',
    curl: /^curl .*$/m.exec(stdout)?.[0] ?? '',
  }
}

/**
 * How many processes of a group still run. One that has ended and that nobody has asked about does not: it answers
 * signals all the same, so where there is a /proc that is looked at.
 */
async function runningIn(group: number): Promise<number> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  if (pids.length === 0) return isAlive(-group) ? 1 : 0
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  const states = stats.map((line) => line.slice(line.lastIndexOf(')') + 2).split(' '))
  return states.filter(([state, , ofGroup]) => Number(ofGroup) === group && state !== 'Z').length
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Runs what a printed line would. The shell reads it unchanged; only curl itself is replaced. */
async function obey(line: string) {
  const script = `curl() { printf '%s\\0' "$@"; }; ${line}`
  const { stdout } = await promisify(execFile)('sh', ['-c', script])
  const [, method = '', url = '', , authorization = '', , type = '', , body = ''] = stdout.split('\0')
  expect(
    stdout
      .split('\0')
      .toSpliced(1, 2)
      .filter((one) => one.startsWith('-')),
  ).toEqual(['-X', '-H', '-H', '-d'])
  const headers = new Headers([authorization, type].map((header) => header.split(': ') as [string, string]))
  const response = await fetch(url, { method, headers, body })
  return { status: response.status, body: await response.json() }
}

async function isFree(port: string): Promise<boolean> {
  const probe = createServer().listen(Number(port), '127.0.0.1')
  const isListening = once(probe, 'listening').then(
    () => true,
    () => false, // its error
  )
  return isListening.finally(() => probe.close())
}

test('it starts from nothing, serves, stops on Ctrl-C, restarts with its data, and leaves nothing behind when killed', {
  timeout: 2 * STARTS_WITHIN_MS,
}, async () => {
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data', 'postgres'), 'what --fresh throws away')
  const first = await start('--fresh')

  expect(first.key).toMatch(/^pk_test_\w{49}$/)
  expect(await obey(first.curl)).toMatchObject({ status: 200, body: { valid: true, code: 'VALID' } })
  const base = `http://localhost:${ports.PORT}`
  expect(await (await fetch(`${base}/health`)).json()).toMatchObject({ status: 'healthy', database: 'connected' })
  expect(await (await fetch(`${base}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.0' }) // chunks are found on request
  for (let count = 0; count < 10; count++) {
    const body = 'a'.repeat(3_000_000)
    const headers = { 'Content-Type': 'application/json' }
    expect((await fetch(`${base}/api/v1/keys/verify`, { method: 'POST', headers, body })).status).toBe(401)
  }
  const file = join(folder, 'data', 'credentials.json')
  const credentials = JSON.parse(await readFile(file, 'utf8'))
  expect(credentials).toMatchObject({
    base_url: base,
    local_url: `http://127.0.0.1:${ports.LOCAL_PORT}`,
    api_key: first.key,
  })
  expect((await stat(file)).mode & 0o077).toBe(0)

  const claims = { aud: 'tollgate', sub: 'ada', org_id: 'nobody', role: 'admin' }
  const issuer = `${credentials.local_url}/issuers/tokens/local`
  const { token } = await (await fetch(issuer, { method: 'POST', body: JSON.stringify({ claims }) })).json()
  const ofIssuer = await fetch(`${base}/api/v1/quotas`, { headers: { Authorization: `Bearer ${token}` } })
  expect(await ofIssuer.json()).toMatchObject({ status: 404, detail: expect.stringContaining('that the token names') })

  await fetch(`${credentials.local_url}/mail/emails`, {
    method: 'POST',
    headers: { Authorization: 'Bearer local', 'Content-Type': 'application/json' },
    body: JSON.stringify({
      from: 'a@tollgate.local',
      to: 'b@tollgate.local',
      subject: 'kept',
      text: 'from start to start',
    }),
  })

  process.kill(-first.pid, 'SIGINT') // a terminal sends it to the whole group
  expect(await first.ended).toEqual([0, null])
  await expect.poll(() => runningIn(first.pid), { timeout: 30_000 }).toBe(0)
  expect(await Promise.all([isFree(ports.PORT), isFree(ports.LOCAL_PORT)])).toEqual([true, true])

  const second = await start()
  expect([second.key, second.curl]).toEqual([first.key, first.curl])
  expect(second.stdout).not.toContain('migrated')
  expect(second.stderr()).not.toContain('Scheduled Workers are not')
  const outbox = await fetch(`${credentials.local_url}/outbox?format=json&to=b@tollgate.local`)
  expect(await outbox.json()).toMatchObject([{ subject: 'kept' }])
  expect(await obey(second.curl)).toMatchObject({ status: 200, body: { valid: true, code: 'VALID' } })
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(credentials)
  const { status } = await fetch(`${base}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(credentials.user),
  })
  expect(status).toBe(200)

  process.kill(second.pid, 'SIGKILL') // only it: whatever it started must notice
  await expect.poll(() => runningIn(second.pid), { timeout: 30_000 }).toBe(0)
  await expect.poll(() => isFree(ports.PORT), { timeout: 30_000 }).toBe(true)
})

describe('an error that prevents its start is one line on stderr, and code 1', { timeout: STARTS_WITHIN_MS }, () => {
  const dev = (more: NodeJS.ProcessEnv = {}) => runScript('dev', environment(more))

  /** Occupies a port while the test runs. */
  async function occupy(): Promise<string> {
    const port = await freePort()
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    return String(port)
  }

  test.each(['PORT', 'LOCAL_PORT'])('a busy %s, which is named, with a way out', async (name) => {
    const port = await occupy()
    const other = Number(port) + 100
    expect(await dev({ TOLLGATE_LOCAL_DIR: join(folder, 'unused'), [name]: port })).toEqual({
      code: 1,
      stdout: '',
      stderr: `Port ${port} is taken. Stop what uses it, or choose another: ${name}=${other} npm run dev\n`,
    })
  })

  test('one port for both', async () => {
    const { code, stderr } = await dev({ LOCAL_PORT: ports.PORT })
    expect([code, stderr]).toEqual([1, `PORT and LOCAL_PORT are both ${ports.PORT}; they must differ.\n`])
  })

  test.each([
    [
      'DATABASE_URL',
      'hello',
      'DATABASE_URL is not an address of that store: it must look like postgresql://user:password@host/name.',
    ],
    [
      'DATABASE_URL',
      'mysql://root@localhost/x',
      'DATABASE_URL is not an address of that store: it must look like postgresql://user:password@host/name.',
    ],
    [
      'POSTGRES_URL',
      'hello',
      'POSTGRES_URL is not an address of that store: it must look like postgresql://user:password@host/name.',
    ],
    ['REDIS_URL', '127.0.0.1:6379', 'REDIS_URL is not an address of that store: it must look like redis://host:6379.'],
  ])('%s=%s', async (name, value, said) => {
    expect(await dev({ [name]: value })).toEqual({ code: 1, stdout: '', stderr: `${said}\n` })
  })

  test('an unreachable database', async () => {
    const url = `postgres://somebody:secret@127.0.0.1:${await freePort()}/nothing`
    const { code, stderr } = await dev({ DATABASE_URL: url, LOCAL_PORT: String(await freePort()) })
    expect(code).toBe(1)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).not.toContain('secret')
  })

  test('an unknown option, with the nearest known one', async () => {
    const { code, stderr } = await runScript('dev --frsh', environment())
    expect([code, stderr]).toEqual([1, 'Unknown option --frsh; did you mean --fresh? Try --help.\n'])
  })

  test('an invalid PORT', async () => {
    expect(await dev({ PORT: '65536' })).toEqual({ code: 1, stdout: '', stderr: 'PORT=65536 is not a port.\n' })
  })

  test.each([
    ['a file in its place', async (place: string) => writeFile(place, 'not a folder')],
    [
      'a folder of something else',
      async (place: string) => {
        await mkdir(place)
        await writeFile(join(place, 'PG_VERSION'), 'garbage')
      },
    ],
  ])('a broken data folder: %s', async (_, spoil) => {
    const home = await mkdtemp(join(folder, 'broken-'))
    const place = join(home, 'postgres')
    await spoil(place)
    expect(await dev({ TOLLGATE_LOCAL_DIR: home })).toEqual({
      code: 1,
      stdout: '',
      stderr: `The local database cannot start from the folder ${place}. Delete it to start over.\n`,
    })
  })
})

test('the runtimes of a killed server are found by port, but none of other or running servers', () => {
  const workerd = '/app/node_modules/@cloudflare/workerd-linux-64/bin/workerd serve --binary'
  const listed = [
    `  10     1    7 ${workerd} --socket-addr=entry=localhost:8000 --experimental`,
    `  11     1    7 ${workerd} --socket-addr=entry=127.0.0.1:0 --experimental`,
    `  12     1    8 ${workerd} --socket-addr=entry=localhost:8100 --experimental`,
    `  20     9    9 node /app/node_modules/wrangler/wrangler-dist/cli.js dev`,
    `  21    20    9 ${workerd} --socket-addr=entry=localhost:8200 --experimental`,
    `  30     1    5 /elsewhere/node_modules/workerd serve --socket-addr=entry=localhost:8300 -`,
    '',
  ].join('\n')
  const found = [8000, 8100, 8200, 8300].map((port) => findOrphans(listed, port, '/app/node_modules/'))
  expect(found).toEqual([[10, 11], [12], [], []])
})

test('of wrangler’s warnings the one about crons is omitted completely: they run here', () => {
  const lines = [
    '▲ [WARNING] Scheduled Workers are not automatically triggered during local development.',
    '',
    '  To manually trigger a scheduled event, run:',
    '▲ [WARNING] another one',
    '  about something else',
  ]
  expect(lines.filter(createAdviceFilter())).toEqual(lines.slice(3))
})

test('--help says what it does and accepts, and does nothing', async () => {
  const { code, stdout, stderr } = await runScript('dev --help', environment({ PORT: 'nonsense' }))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const word of ['npm run dev', '--fresh', '--demo', 'PORT', 'LOCAL_PORT', 'DATABASE_URL', 'REDIS_URL'])
    expect(stdout).toContain(word)
})
