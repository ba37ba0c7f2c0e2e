/** `npm run rehearse:image`: see HELP. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseDockerfile, readOptions, type Stage, type Step } from './image/dockerfile.ts'
import { freePort } from './stack/free-port.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'

const HELP = `Usage: npm run rehearse:image

Does what the Dockerfile says without Docker: copies what it copies into folders of their own, runs what it runs, and starts its
command, with --migrate, until its health check passes. Then ends it by SIGTERM. The environment has what the server needs
(docs/operate/stand-alone.md), such as DATABASE_URL of an empty database; nothing else of it is passed on.`

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const HEALTHY_WITHIN_MS = 60_000
/** The path of programs, and how npm reaches its registry: Docker's builder has its own settings for that. */
const PASSED_ON =
  /^(PATH|HOME|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|https?_proxy|no_proxy|npm_config_(registry|cache|cafile))$/i
const OF_SERVER = /^(DATABASE_URL|REDIS_URL|PUBLIC_URL|SECRET_KEY|JWT_SECRET_KEY)$/

interface Place {
  readonly folder: string
  workdir: string
  readonly env: NodeJS.ProcessEnv
}

await command(async function rehearseImage() {
  if (readArguments({}).values.help) return console.log(HELP)
  const stages = parseDockerfile(await readFile(join(ROOT, 'Dockerfile'), 'utf8'))
  const top = await mkdtemp(join(tmpdir(), 'tollgate-image-'))
  try {
    const places = new Map<string, Place>()
    for (const [at, stage] of stages.entries()) {
      const name = stage.name ?? String(at)
      const place = { folder: join(top, name), workdir: '/', env: inherit(PASSED_ON) }
      places.set(name, place)
      await mkdir(place.folder)
      for (const step of stage.steps) await find(step.instruction)(step, place, places)
      if (at === stages.length - 1) await serve(stage, place)
    }
  } finally {
    await rm(top, { recursive: true, force: true })
  }
})

function inherit(names: RegExp): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => names.test(name)))
}

/** The location of an image path in its stage's folder. */
function locate({ folder, workdir }: Place, path: string): string {
  return join(folder, resolve(workdir, path))
}

type Perform = (step: Step, place: Place, places: ReadonlyMap<string, Place>) => Promise<void> | void

/** Instructions that only Docker reads are not here: a test reads them (test/node/stand-alone/image.test.ts). */
function find(instruction: string): Perform {
  const table: Record<string, Perform> = { WORKDIR: enter, ENV: set, COPY: copy, RUN: run }
  return table[instruction] ?? (() => undefined)
}

async function enter({ text }: Step, place: Place): Promise<void> {
  place.workdir = text
  await mkdir(locate(place, '.'), { recursive: true })
}

function set({ words }: Step, { env }: Place): void {
  for (const word of words) env[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1)
}

async function run({ text }: Step, place: Place): Promise<void> {
  console.log(`RUN ${text}`)
  const child = spawn('sh', ['-ec', text], { cwd: locate(place, '.'), env: place.env, stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`RUN ${text}: exit code ${code}`)
}

async function copy(step: Step, place: Place, places: ReadonlyMap<string, Place>): Promise<void> {
  const { options, rest } = readOptions(step)
  const from = places.get(options.get('from') ?? '')
  const [target = '', ...sources] = rest.toReversed()
  for (const source of sources) {
    const to = locate(place, target.endsWith('/') ? join(target, basename(source)) : target)
    await cp(from ? locate(from, source) : join(ROOT, source), to, { recursive: true })
  }
}

/** The start command of the last stage, and its health check. */
function readStart({ steps }: Stage): { start: readonly string[]; check: readonly string[] } {
  const words = (name: string) => steps.find(({ instruction }) => instruction === name)?.text
  const check = JSON.parse(/CMD (\[.*\])/.exec(words('HEALTHCHECK') ?? '')?.[1] ?? '[]') as string[]
  const start = JSON.parse(words('CMD') ?? '[]') as string[]
  if (start.length === 0 || check.length === 0) throw new Error('The Dockerfile has no CMD or no HEALTHCHECK.')
  return { start, check }
}

async function serve(stage: Stage, place: Place): Promise<void> {
  const { start, check } = readStart(stage)
  const env = { ...place.env, ...inherit(OF_SERVER), PORT: String(await freePort()) }
  const run = ([program = '', ...args]: readonly string[]): ChildProcess =>
    spawn(program, args, { cwd: locate(place, '.'), env, stdio: 'inherit' })
  const server = run([...start, '--migrate'])
  const ended = once(server, 'exit')
  try {
    await untilHealthy(server, async () => (await once(run(check), 'exit'))[0] === 0)
    server.kill('SIGTERM')
    const [code] = await ended
    if (code !== 0) throw new Error(`It ended with exit code ${code}.`)
    console.log('The image builds, starts, is healthy and stops.')
  } finally {
    server.kill('SIGKILL')
  }
}

async function untilHealthy(server: ChildProcess, isHealthy: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + HEALTHY_WITHIN_MS; !(await isHealthy()); await wait(500))
    if (Date.now() > end || server.exitCode !== null) throw new Error('It did not become healthy.')
}
