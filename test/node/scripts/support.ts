import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openAsBlob } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type StackOptions, startStack } from '../../../local/stack/stack.ts'
import { type Connection, through } from '../../../local/support/connect.ts'
import { migrateUp } from '../../../local/support/migrations.ts'
import { scratchDatabase } from '../../support/scratch-database.ts'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** The stack looks at no name and no password; the driver wants some. By its host it knows one database from another. */
const urlOf = (host: string) => `postgresql://postgres:local@${host}/postgres`

interface OwnDatabase extends Connection {
  /** What a script needs in its environment to find the stack. */
  readonly env: { DATABASE_URL: string; NEON_FETCH_ENDPOINT: string }
}

/** An empty database for one test file: beside DATABASE_URL if that is set, in this process otherwise. */
export const emptyDatabase = (host?: string): Promise<OwnDatabase> => openDatabase({}, host)

/** As `emptyDatabase`, with all migrations. */
export async function migratedDatabase(host?: string): Promise<OwnDatabase> {
  const { DATABASE_URL, PGLITE_MIGRATED = '' } = process.env
  const database = await openDatabase(DATABASE_URL ? {} : { cluster: await openAsBlob(PGLITE_MIGRATED) }, host)
  await migrateUp(database.sql, undefined, () => undefined)
  return database
}

async function openDatabase(begin: Pick<StackOptions, 'cluster'>, host = 'localhost'): Promise<OwnDatabase> {
  const { DATABASE_URL, REDIS_URL } = process.env
  const scratch = DATABASE_URL ? await scratchDatabase(DATABASE_URL) : undefined
  const stack = await startStack({
    port: 0,
    redisToken: 'test-redis-token',
    ...begin,
    ...(scratch && { databaseUrl: scratch.url }),
    ...(REDIS_URL && { redisUrl: REDIS_URL }),
  })
  return {
    sql: through(urlOf(host), `${stack.url}/sql`).sql,
    env: { DATABASE_URL: urlOf(host), NEON_FETCH_ENDPOINT: `${stack.url}/sql` },
    async close() {
      await stack.close()
      await scratch?.drop()
    },
  }
}

/** The tests' own environment without stores, or anything else that a script would read. */
const inherited = () => {
  const { PATH, PGLITE_SNAPSHOT, NODE_COMPILE_CACHE } = process.env
  return { PATH, PGLITE_SNAPSHOT, NODE_COMPILE_CACHE }
}

/** Runs one of the scripts until it exits. */
export async function runScript(line: string, env: NodeJS.ProcessEnv) {
  const [script = '', ...args] = line.split(' ')
  const child = spawn(process.execPath, [`local/${script}.ts`, ...args], {
    cwd: ROOT,
    env: { ...inherited(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const [code] = await once(child, 'close')
  return { code: code as number, stdout: stdout(), stderr: stderr() }
}

/** @returns the output of a stream so far */
export function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return () => text
}
