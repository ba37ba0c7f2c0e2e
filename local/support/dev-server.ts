import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../stack/free-port.ts'
import { type DevCredentials, readCredentials } from './dev-files.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface DevServer {
  readonly baseUrl: string
  readonly localUrl: string
  readonly credentials: DevCredentials
  readonly stop: () => Promise<void>
}

/**
 * Starts `npm run dev` with its data in `folder`, as a separate process, on free ports, with the embedded stores.
 *
 * @throws Error with its output if it ends before it is ready
 */
export async function startDevServer(folder: string, ...options: string[]): Promise<DevServer> {
  const [port, localPort] = await Promise.all([freePort(), freePort()])
  const { DATABASE_URL: _, REDIS_URL: __, ...inherited } = process.env
  const child = spawn(process.execPath, ['local/dev.ts', ...options], {
    cwd: ROOT,
    env: {
      ...inherited,
      PATH: [`${ROOT}node_modules/.bin`, process.env.PATH].join(delimiter),
      PORT: String(port),
      LOCAL_PORT: String(localPort),
      TOLLGATE_LOCAL_DIR: folder,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  let said = ''
  const isReady = new Promise<true>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk
        if (said.includes('Ctrl-C')) resolve(true)
      })
  })
  const outcome = await Promise.race([isReady, ended])
  if (outcome !== true) throw new Error(`npm run dev ended before it was ready (${outcome.join(' ')}):\n${said}`)
  return {
    baseUrl: `http://localhost:${port}`,
    localUrl: `http://127.0.0.1:${localPort}`,
    credentials: (await readCredentials(folder)) as DevCredentials,
    async stop() {
      child.kill('SIGINT')
      await ended
    },
  }
}
