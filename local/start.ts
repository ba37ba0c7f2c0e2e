/** `npm start`: see HELP. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { errorFields, log } from '../src/lib/log.ts'
import { openFronts } from './stack/fronts.ts'
import { ensureBuild } from './stand-alone/build.ts'
import { startCrons } from './stand-alone/crons.ts'
import { logToStdout } from './stand-alone/log.ts'
import { findStartNotices } from './stand-alone/notices.ts'
import { ensureSchema } from './stand-alone/schema.ts'
import { readSettings, type Settings } from './stand-alone/settings.ts'
import { startWorkerd, type Workerd } from './stand-alone/workerd.ts'
import { readArguments } from './support/arguments.ts'
import { describe } from './support/command.ts'

const HELP = `Usage: npm start -- [--migrate]

Runs Tollgate without Cloudflare, over the Postgres of DATABASE_URL and the Redis or Valkey of REDIS_URL, behind a proxy that
speaks TLS. Logs are JSON on standard output. SIGTERM ends it once everything that it has begun is written.
  --migrate   applies pending migrations first, and makes plans and platform organization; without it a database that lacks
              one refuses the start
Every setting: docs/operate/stand-alone.md.`

/** How long a store may take to come up: machines start their services in any order. */
const STORES_WITHIN_MS = 30_000
/** Added to the time in which the Worker may finish its work, before it is killed. */
const GRACE_MS = 2_000

await run(async function start() {
  const { values } = readArguments({ migrate: { type: 'boolean' } })
  if (values.help) return console.log(HELP)
  logToStdout()
  const stopping = stopSignal()
  const settings = readSettings(process.env)
  for (const notice of findStartNotices(process.env)) log('warn', 'setting_suspicious', { ...notice })
  if ('faults' in settings) {
    for (const { variable, reason } of settings.faults) log('error', 'setting_refused', { variable, reason })
    throw new Error(`Missing or wrong: ${settings.faults.map(({ variable }) => variable).join(', ')}.`)
  }
  const manifest = await ensureBuild(() => log('info', 'building'))
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-'))
  try {
    const secret = randomBytes(32).toString('hex')
    const fronts = await untilThere(() => openFronts({ ...settings, socket: join(folder, 'stores.sock'), secret }))
    try {
      await ensureSchema(settings.databaseUrl, values.migrate ?? false)
      const workerd = await startWorkerd(manifest, settings, { folder, secret })
      await serve(workerd, settings, { crons: manifest.crons, stopping })
    } finally {
      await fronts.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** An error is the last line, with exit code 1. */
async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    log('error', 'start_failed', { message: describe(error) })
    process.exitCode = 1
  }
}

/** A second signal has no effect: the time after the first one is bounded. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve)
  })
}

async function untilThere<T>(open: () => Promise<T>): Promise<T> {
  for (const until = Date.now() + STORES_WITHIN_MS; ; await wait(1_000)) {
    try {
      return await open()
    } catch (error) {
      if (Date.now() > until) throw error
      log('warn', 'store_awaited', errorFields(error))
    }
  }
}

interface Serving {
  readonly crons: readonly string[]
  readonly stopping: Promise<NodeJS.Signals>
}

async function serve(workerd: Workerd, { host, stopMs }: Settings, { crons, stopping }: Serving): Promise<void> {
  log('info', 'listening', { host, port: workerd.port, workerd_pid: workerd.pid })
  const endCrons = startCrons(crons, workerd.runCron)
  const first = await Promise.race([stopping, workerd.ended.then((code) => ({ code }))])
  endCrons()
  if (typeof first === 'object') throw new Error(`workerd ended by itself: ${first.code}.`)
  log('info', 'stopping', { signal: first })
  const late = setTimeout(workerd.kill, stopMs + GRACE_MS)
  const outcome = await workerd.stop(stopMs).catch((error: unknown) => errorFields(error))
  const code = await workerd.ended
  clearTimeout(late)
  if (code !== 0 || !('left' in outcome) || outcome.left !== 0)
    throw new Error(`Stopped with work undone: ${JSON.stringify({ ...outcome, code })}.`)
  const { left, spooled } = outcome
  log('info', 'stopped', { left, spooled })
}
