/** Workers as they are deployed, in workerd itself: without wrangler's server between them and the client. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { bundle, isCompiled, type Piece } from '../local/build/bundle.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The runtime that comes with wrangler: the same build that `npm run dev` and the tests use. */
const WORKERD: string = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'))(
  'workerd',
).default

/** One Worker's modules, as `wrangler deploy` would send them. */
export interface Bundle {
  readonly pieces: readonly Piece[]
  readonly bytes: number
  readonly gzipBytes: number
}

/** Builds a Worker as for a deployment. @param entry relative to the project's root */
export async function buildWorker(entry: string): Promise<Bundle> {
  const pieces = await bundle(entry)
  const whole = Buffer.concat(pieces.map(({ bytes }) => bytes))
  return { pieces, bytes: whole.length, gzipBytes: gzipSync(whole, { level: 9 }).length }
}

/** A Worker of a workerd process, by the name that others bind to. */
export interface Service {
  readonly bundle: Pick<Bundle, 'pieces'>
  readonly variables?: Readonly<Record<string, string>>
  /** Bindings that are objects. */
  readonly objects?: Readonly<Record<string, object>>
  /** Service bindings: variable -> service, and the entrypoint if it is not the default one. */
  readonly bindings?: Readonly<Record<string, { service: string; entrypoint?: string }>>
}

export interface Workerd {
  /** The address of the first service: `http://127.0.0.1:<port>` */
  readonly url: string
  readonly pid: number
  /** CPU that the process has used since its start. */
  cpuMs(): Promise<number>
  memoryBytes(): Promise<number>
  /** SIGKILL: like a power failure. */
  kill(): Promise<void>
}

/**
 * Starts a process that serves the first of the services on a free port of this machine.
 *
 * @throws Error with workerd's output if it ends before it listens
 */
export async function startWorkerd(
  services: Readonly<Record<string, Service>>,
  more: readonly string[] = [],
): Promise<Workerd> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-workerd-'))
  const config = join(folder, 'config.capnp')
  for (const [name, { bundle }] of Object.entries(services)) {
    await mkdir(join(folder, name))
    for (const piece of bundle.pieces) await writeFile(join(folder, name, piece.name), piece.bytes)
  }
  await writeFile(config, renderConfig(services, await readCompatibility()))
  const child = spawn(WORKERD, ['serve', config, '--control-fd=3', ...more], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const atExit = () => void child.kill('SIGKILL')
  process.once('exit', atExit)
  const exited = once(child, 'exit').then(() => {
    process.off('exit', atExit)
    return rm(folder, { recursive: true })
  })
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  const port = await listening(child)
  return { url: `http://127.0.0.1:${port}`, ...readUsage(Number(child.pid)), kill }
}

async function listening(child: ChildProcess): Promise<number> {
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000)
      if (process.env.DEBUG) process.stderr.write(chunk)
    })
  }
  let reported = ''
  for await (const chunk of child.stdio[3] as NodeJS.ReadableStream) {
    reported += String(chunk)
    const [, port] = /"event":"listen".*?"port":(\d+)/.exec(reported) ?? []
    if (port) return Number(port)
  }
  throw new Error(`workerd ended at its start: ${said}`)
}

function readUsage(pid: number) {
  return {
    pid,
    /** From the scheduler's nanoseconds of each thread; threads live as long as the process. Ticks are too coarse for a start. */
    async cpuMs() {
      const threads = await readdir(`/proc/${pid}/task`)
      const stats = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/schedstat`, 'utf8')))
      return stats.reduce((sum, stat) => sum + Number(stat.split(' ')[0]), 0) / 1e6
    },
    async memoryBytes() {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024
    },
  }
}

/** The settings that wrangler.toml pins, as fields of a Worker. */
async function readCompatibility(): Promise<string> {
  const settings = await readFile(join(ROOT, 'wrangler.toml'), 'utf8')
  const [, date = ''] = /^compatibility_date = "(.*)"$/m.exec(settings) ?? []
  const [, flags = ''] = /^compatibility_flags = \[(.*)\]$/m.exec(settings) ?? []
  return `compatibilityDate = "${date}", compatibilityFlags = [${flags}]`
}

/** The configuration in the text form of Cap'n Proto, which has JSON's strings. */
function renderConfig(services: Readonly<Record<string, Service>>, compatibility: string): string {
  const workers = Object.entries(services).map(
    ([name, service]) => `(name = "${name}", worker = ${worker(name, service, compatibility)})`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${workers.join(',\n')},
    (name = "internet", network = (allow = ["public", "private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "${Object.keys(services)[0]}")]
);
`
}

function worker(name: string, service: Service, compatibility: string): string {
  const { bundle, variables = {}, objects = {}, bindings = {} } = service
  const modules = bundle.pieces.map(
    (piece) =>
      `(name = "${piece.name}", ${isCompiled(piece.name) ? 'wasm' : 'esModule'} = embed "${name}/${piece.name}")`,
  )
  const texts = Object.entries(variables).map(([key, value]) => `(name = "${key}", text = ${JSON.stringify(value)})`)
  const json = Object.entries(objects).map(
    ([key, value]) => `(name = "${key}", json = ${JSON.stringify(JSON.stringify(value))})`,
  )
  const services = Object.entries(bindings).map(
    ([key, { service: of, entrypoint }]) =>
      `(name = "${key}", service = (name = "${of}"${entrypoint ? `, entrypoint = "${entrypoint}"` : ''}))`,
  )
  return `(modules = [${modules.join(', ')}], ${compatibility},
      bindings = [${[...texts, ...json, ...services].join(', ')}])`
}
