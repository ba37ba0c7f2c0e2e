/** `npm start` in a separate process, as an operator starts it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Server {
  readonly url: string
  /** Its log so far, by line. */
  readonly logs: readonly string[]
  /** CPU in milliseconds that workerd and its parent process have used since their start. Linux only. */
  cpuMs(): Promise<{ workerd: number; beside: number }>
  /** @returns the exit code, null if the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/**
 * @param settings as environment variables; no others are inherited
 * @throws Error with its last line if it ends before it listens
 */
export async function startServer(settings: NodeJS.ProcessEnv, args: readonly string[] = []): Promise<Server> {
  const child = spawn(process.execPath, ['local/start.ts', ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const atExit = () => void child.kill('SIGKILL')
  process.once('exit', atExit)
  const exited = once(child, 'exit').then(([code]) => {
    process.off('exit', atExit)
    return code as number | null
  })
  const logs: string[] = []
  const listening = Promise.withResolvers<{ port: number; workerd_pid: number }>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      logs.push(line)
      if (line.includes('"event":"listening"')) listening.resolve(JSON.parse(line))
    })
  const first = await Promise.race([listening.promise, exited])
  if (first === null || typeof first === 'number') throw new Error(`It ended at its start: ${logs.at(-1)}`)
  return {
    url: `http://127.0.0.1:${first.port}`,
    logs,
    cpuMs: async () => ({ workerd: await readCpu(first.workerd_pid), beside: await readCpu(Number(child.pid)) }),
    end(signal) {
      child.kill(signal)
      return exited
    },
  }
}

/** Settings with which it runs over the stores of a world. */
export function settingsFor(databaseUrl: string, redisUrl: string, port: number): NodeJS.ProcessEnv {
  return {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    PORT: String(port),
    PUBLIC_URL: 'https://tollgate.test',
    SECRET_KEY: 'bench-root-secret-of-at-least-32-bytes',
    JWT_SECRET_KEY: 'bench-jwt-secret-of-at-least-32-bytes',
    REDIS_TIMEOUT_MS: '5000', // a busy machine is slow, not down
  }
}

/** From the scheduler's nanoseconds of each thread. */
async function readCpu(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const stats = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/schedstat`, 'utf8')))
  return stats.reduce((sum, stat) => sum + Number(stat.split(' ')[0]), 0) / 1e6
}
