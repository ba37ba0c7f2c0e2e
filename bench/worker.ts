/** Workers as they are deployed, in workerd itself: nothing of wrangler's server between them and who asks. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The runtime that wrangler brings along: the same build that `npm run dev` and the tests run. */
const WORKERD: string = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'))(
  'workerd',
).default
/** A tick of /proc is a hundredth of a second on every Linux that workerd runs on. */
const TICK_MS = 10

/** One Worker's module, as `wrangler deploy` would send it. */
export interface Bundle {
  readonly script: string
  readonly bytes: number
  readonly gzipBytes: number
}

/** Builds a Worker with the settings of wrangler.toml. @param entry below the project's root */
export async function buildWorker(entry: string): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-bundle-'))
  try {
    const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')
    await promisify(execFile)(process.execPath, [wrangler, 'deploy', entry, '--dry-run', '--outdir', folder], {
      cwd: ROOT,
      env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false' },
    })
    const name =
      entry
        .split('/')
        .at(-1)
        ?.replace(/\.tsx?$/, '.js') ?? ''
    const script = await readFile(join(folder, name), 'utf8')
    return { script, bytes: Buffer.byteLength(script), gzipBytes: gzipSync(script, { level: 9 }).length }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A Worker of one workerd process, by the name others bind to. */
export interface Service {
  readonly bundle: Bundle
  readonly variables?: Readonly<Record<string, string>>
  /** Service bindings: variable -> service, and the entrypoint where it is not the default one. */
  readonly bindings?: Readonly<Record<string, { service: string; entrypoint?: string }>>
}

export interface Workerd {
  /** Of the first service: `http://127.0.0.1:<port>` */
  readonly url: string
  readonly pid: number
  /** CPU that the process has used since its start. */
  cpuMs(): Promise<number>
  memoryBytes(): Promise<number>
  /** SIGKILL: as a machine that loses its power. */
  kill(): Promise<void>
}

/**
 * Starts a process that serves the first of the services at a free port of this machine.
 *
 * @throws Error with what workerd said when it ends before it listens
 */
export async function startWorkerd(
  services: Readonly<Record<string, Service>>,
  more: readonly string[] = [],
): Promise<Workerd> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-workerd-'))
  const config = join(folder, 'config.capnp')
  for (const [name, { bundle }] of Object.entries(services)) await writeFile(join(folder, `${name}.js`), bundle.script)
  await writeFile(config, configOf(services, await compatibilityDate()))
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
  return { url: `http://127.0.0.1:${port}`, ...measured(Number(child.pid)), kill }
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

function measured(pid: number) {
  return {
    pid,
    async cpuMs() {
      const line = await readFile(`/proc/${pid}/stat`, 'utf8')
      const [user, system] = line
        .slice(line.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13)
      return (Number(user) + Number(system)) * TICK_MS
    },
    async memoryBytes() {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024
    },
  }
}

async function compatibilityDate(): Promise<string> {
  return /^compatibility_date = "(.*)"$/m.exec(await readFile(join(ROOT, 'wrangler.toml'), 'utf8'))?.[1] ?? ''
}

/** The configuration in the text form of Cap'n Proto, whose strings JSON's are. */
function configOf(services: Readonly<Record<string, Service>>, date: string): string {
  const workers = Object.entries(services).map(
    ([name, service]) => `(name = "${name}", worker = ${worker(name, service, date)})`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${workers.join(',\n')},
    (name = "internet", network = (allow = ["public", "private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "${Object.keys(services)[0]}")]
);
`
}

function worker(name: string, { variables = {}, bindings = {} }: Service, date: string): string {
  const texts = Object.entries(variables).map(([key, value]) => `(name = "${key}", text = ${JSON.stringify(value)})`)
  const services = Object.entries(bindings).map(
    ([key, { service, entrypoint }]) =>
      `(name = "${key}", service = (name = "${service}"${entrypoint ? `, entrypoint = "${entrypoint}"` : ''}))`,
  )
  return `(modules = [(name = "${name}.js", esModule = embed "${name}.js")], compatibilityDate = "${date}",
      bindings = [${[...texts, ...services].join(', ')}])`
}
