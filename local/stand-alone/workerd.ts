import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { inBuild, type Manifest, OUTBOUND } from './build.ts'
import { FROM_ENVIRONMENT, renderConfig } from './config.ts'
import { passOn } from './log.ts'
import { type Settings, withStores } from './settings.ts'

const WORKERD: string = createRequire(import.meta.url)('workerd').default
const STORES_HOST = 'stores.internal'

export interface Workerd {
  readonly port: number
  readonly pid: number | undefined
  /** The exit code or signal, whether it ended by itself or was told to. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Runs the jobs of a cron. @throws Error if they did not complete */
  runCron(cron: string): Promise<void>
  /**
   * Lets it finish its work, answering new requests with 503, and then ends it.
   *
   * @returns what was left undone when time ran out
   */
  stop(withinMs: number): Promise<{ left: number; spooled?: number }>
  kill(): void
}

/**
 * Starts workerd.
 *
 * @param folder for sockets and configuration, accessible only to this user
 * @param secret what the stores' fronts require
 * @throws Error if it ends before it listens, such as on a port that is taken
 */
export async function startWorkerd(
  manifest: Manifest,
  settings: Settings,
  { folder, secret }: { folder: string; secret: string },
): Promise<Workerd> {
  const { worker, replicaUrl, redisShardUrls, host, port, trust, isPrivateAllowed } = settings
  const hasReplica = replicaUrl !== undefined
  const control = join(folder, 'control.sock')
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const [stores, files] = [join(folder, 'stores.sock'), inBuild('files')]
  const places = { address, control, stores, storesHost: STORES_HOST, files, isPrivateAllowed }
  await mkdir(join(folder, 'worker'))
  for (const name of [...manifest.modules, OUTBOUND]) await copyFile(inBuild(name), join(folder, 'worker', name))
  const config = join(folder, 'worker', 'config.capnp')
  await writeFile(config, renderConfig(manifest, places))
  const environment: Record<(typeof FROM_ENVIRONMENT)[number], string> = {
    SETTINGS: JSON.stringify(
      withStores(worker, { host: STORES_HOST, secret, hasReplica, shards: redisShardUrls.length }),
    ),
    CLIENT_ADDRESS: JSON.stringify(trust),
  }
  const child = spawn(WORKERD, ['serve', config, '--control-fd=3'], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...environment, TZ: 'UTC' },
    detached: true, // a Ctrl-C of the terminal is for this process, which then stops workerd in its own way
  })
  const guard = endWithParent(child)
  const ended = once(child, 'exit').then(([code, signal]) => {
    guard.kill('SIGKILL')
    return (signal ?? code) as number | NodeJS.Signals
  })
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', passOn)
  return {
    port: await listening(child, address),
    pid: child.pid,
    ended,
    runCron: (cron) => ask(control, `/cron?cron=${encodeURIComponent(cron)}`),
    stop: (withinMs) => stop(child, control, withinMs),
    kill: () => void child.kill('SIGKILL'),
  }
}

/** Ends workerd when this process is gone, even by `kill -9`: the system then closes the pipe that the guard reads. */
function endWithParent(child: ChildProcess): ChildProcess {
  const guard = spawn('sh', ['-c', `cat >/dev/null; kill -KILL ${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.stdin?.on('error', () => undefined)
  return guard
}

async function listening(child: ChildProcess, address: string): Promise<number> {
  let said = ''
  for await (const chunk of child.stdio[3] as NodeJS.ReadableStream) {
    said += String(chunk)
    const [, port] = /"socket":"http","port":(\d+)/.exec(said) ?? []
    if (port && said.includes('"socket":"control"')) return Number(port)
  }
  throw new Error(`workerd ended at its start. Is ${address} taken? HOST and PORT name another.`)
}

async function stop(child: ChildProcess, control: string, withinMs: number) {
  let outcome: { left: number; spooled?: number } = { left: Number.NaN }
  await ask(control, `/stop?within_ms=${withinMs}`, (line) => {
    const said = JSON.parse(line) as { idle?: boolean; left: number; spooled?: number }
    if (!said.idle) return
    const { idle: _, ...rest } = said
    outcome = rest
    child.kill('SIGTERM') // no new connections are accepted; it ends with this request
  })
  return outcome
}

/** Sends a command to the Worker over its control socket. */
async function ask(socketPath: string, path: string, onLine: (line: string) => void = () => undefined): Promise<void> {
  const asked = request({ socketPath, path, method: 'POST' }).end()
  const [response] = await once(asked, 'response')
  for await (const line of createInterface({ input: response })) if (line) onLine(line)
  if (response.statusCode !== 200) throw new Error(`The Worker answered ${response.statusCode}.`)
}
