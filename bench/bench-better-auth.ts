/** Better Auth's api-key plugin in Node over the same Postgres: installed for the run, not a dependency of this project. */
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { scratchDatabase } from '../test/support/scratch-database.ts'
import type { Measured } from './bench-measure.ts'
import { load } from './load.ts'

const PACKAGES = ['better-auth@1.7.5', '@better-auth/api-key@1.7.5', 'pg@8.23.1']
const TICK_MS = 10

/** Its own tables, one user, one key without its own limits, and a route that verifies the key and answers as the plugin does. */
const SERVER = `
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { apiKey } from '@better-auth/api-key'
import pg from 'pg'

const database = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 })
let statements = 0
const options = {
  database: database,
  secret: 'bench-secret-of-at-least-32-bytes-long',
  baseURL: 'http://localhost',
  telemetry: { enabled: false },
  emailAndPassword: { enabled: true },
  plugins: [apiKey({ rateLimit: { enabled: true, maxRequests: 1_000_000_000, timeWindow: 60_000 } })],
}
await (await getMigrations(options)).runMigrations()
const auth = betterAuth(options)
const { user } = await auth.api.signUpEmail({ body: { email: 'bench@example.com', password: 'correct horse battery', name: 'Bench' } })
const { key } = await auth.api.createApiKey({ body: { userId: user.id, name: 'Bench' } })
database.on('acquire', () => { statements += 1 })
const server = createServer(async (request, response) => {
  if (request.url === '/statements') return void response.end(String(statements))
  let body = ''
  for await (const chunk of request) body += chunk
  const verdict = await auth.api.verifyApiKey({ body: { key: JSON.parse(body).key } })
  response.writeHead(verdict.valid ? 200 : 500, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(verdict))
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, key }))
process.once('disconnect', () => process.exit())
`

/** @throws Error without DATABASE_URL, or if the packages cannot be installed */
export async function withBetterAuth(effort: { seconds: number; connections: number }): Promise<Measured> {
  const { DATABASE_URL } = process.env
  if (!DATABASE_URL) throw new Error('--better-auth needs a Postgres: set DATABASE_URL.')
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-better-auth-'))
  const scratch = await scratchDatabase(DATABASE_URL)
  try {
    await writeFile(join(folder, 'package.json'), '{"type":"module","private":true}')
    await writeFile(join(folder, 'server.js'), SERVER)
    await promisify(execFile)(
      'npm',
      ['install', ...PACKAGES, '--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps'],
      { cwd: folder },
    )
    return await measureServer(folder, scratch.url, effort)
  } finally {
    await scratch.drop()
    await rm(folder, { recursive: true })
  }
}

async function measureServer(
  folder: string,
  databaseUrl: string,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Measured> {
  const child = fork(join(folder, 'server.js'), {
    env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl, NODE_ENV: 'production' },
    execArgv: [],
  })
  try {
    const early = once(child, 'exit').then(() => Promise.reject(new Error('The server of Better Auth ended.')))
    const [ready] = (await Promise.race([once(child, 'message'), early])) as [{ port: number; key: string }]
    const url = `http://127.0.0.1:${ready.port}`
    const asked = {
      url,
      method: 'POST' as const,
      body: JSON.stringify({ key: ready.key }),
      expected: '"valid":true',
      connections,
    }
    await load({ ...asked, seconds: 1 })
    const before = { cpu: await cpuMs(child.pid), statements: await statements(url) }
    const loaded = await load({ ...asked, seconds })
    return {
      name: 'better-auth',
      ...loaded,
      cpuMicros: ((await cpuMs(child.pid)) - before.cpu) * (1_000 / loaded.requests),
      memoryBytes: 0,
      storedBytes: { events: 0, dedupe: 0 },
      trips: {
        sqlRequests: ((await statements(url)) - before.statements) / loaded.requests,
        redisRequests: 0,
        redisCommands: 0,
      },
    }
  } finally {
    child.kill()
  }
}

async function cpuMs(pid: number | undefined): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

const statements = async (url: string) => Number(await (await fetch(`${url}/statements`)).text())
