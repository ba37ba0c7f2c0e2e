/** `npm run bench:queue`: see HELP. */
import { readFile } from 'node:fs/promises'
import { Client } from 'pg'
import { readArguments } from '../../local/support/arguments.ts'
import { command } from '../../local/support/command.ts'
import { readAddress, readCount } from '../../local/support/settings.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { openWorld, type World } from '../bench-world.ts'
import { type Bundle, buildWorker } from '../worker.ts'
import { startBatches } from './batches.ts'

const HELP = `Usage: npm run bench:queue

What 200 verifications cost Postgres: as the batch of one isolate, as those of 100 isolates that write for themselves, and of 100 isolates
that send to a queue (Miniflare's, with the settings of wrangler.toml). Prints of each, by round of 200: statements that write usage,
milliseconds of a processor that Postgres took, and seconds until all of the round was written.
Environment: DATABASE_URL, a real Postgres on this machine, and ROUNDS (20).`

interface Case {
  readonly name: string
  readonly isolates: number
  readonly events: number
  readonly hasQueue: boolean
}

const CASES: readonly Case[] = [
  { name: 'one isolate', isolates: 1, events: 200, hasQueue: false },
  { name: '100 isolates', isolates: 100, events: 2, hasQueue: false },
  { name: '100 isolates with the queue', isolates: 100, events: 2, hasQueue: true },
]
/** Between two samples of the Postgres processes: those that end in between are no longer counted. */
const LOOK_MS = 100
/** The resolution of Linux's process accounting. */
const TICK_MS = 10

await command(async function benchQueue() {
  const { values } = readArguments({})
  if (values.help) return console.log(HELP)
  const databaseUrl = readAddress(process.env, 'DATABASE_URL')
  const rounds = readCount('ROUNDS', process.env.ROUNDS, 20)
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it names a real Postgres. Try --help.')
  const world = await openWorld({ databaseUrl })
  try {
    const bundle = await buildWorker('bench/queue/batch-worker.ts')
    console.log('| isolates | statements | ms of a processor | seconds |')
    for (const one of CASES) await measure(world, bundle, { ...one, rounds })
  } finally {
    await world.close()
  }
})

async function measure(world: World, bundle: Bundle, one: Case & { readonly rounds: number }): Promise<void> {
  const { name, isolates: count, events, hasQueue, rounds } = one
  const batches = await startBatches({ hasQueue, bundle, variables: world.variables })
  const client = new Client({ connectionString: world.databaseUrl })
  await client.connect()
  try {
    const organizationId = uuidv7(Date.now())
    let due = 0
    let seconds = 0
    const round = async () => {
      const started = performance.now()
      due += count * events
      await batches.end(organizationId, count, events)
      while ((await readUsed(client, organizationId)) < due) await watch.look()
      seconds += (performance.now() - started) / 1_000
    }
    const watch = await watchProcessor(client)
    await round() // of connections that are opened, and plans that are cached
    seconds = 0
    await Promise.all([watch.look(), world.trips()])
    const [before, figuresBefore] = [watch.total(), await countFigures(client)]
    for (let at = 0; at < rounds; at++) await round()
    await watch.look()
    const figures = (await countFigures(client)) - figuresBefore
    const { sqlRequests } = await world.trips()
    const each = [sqlRequests - figures, watch.total() - before, seconds].map((all) => (all / rounds).toFixed(1))
    console.log(`| ${name} | ${each.join(' | ')} |`)
  } finally {
    await batches.stop()
    await client.end()
  }
}

async function readUsed(client: Client, organizationId: string): Promise<number> {
  const { rows } = await client.query(
    'select coalesce(sum(api_calls), 0)::int as used from usage_periods where organization_id = $1',
    [organizationId],
  )
  return rows[0].used
}

async function countFigures(client: Client): Promise<number> {
  const { rows } = await client.query('select coalesce(sum(flush), 0)::int as flushes from metric_counters')
  return rows[0].flushes
}

/** Sums up the CPU of the processes of the database's other connections. */
async function watchProcessor(client: Client) {
  const known = new Map<number, number>()
  let total = 0
  async function look() {
    const { rows } = await client.query(
      'select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    for (const { pid } of rows) {
      const ms = await readProcessorMs(pid)
      if (ms === undefined) continue // it has ended
      total += ms - (known.get(pid) ?? 0)
      known.set(pid, ms)
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  await look()
  return { look, total: () => total }
}

async function readProcessorMs(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ') // the name before may contain anything
  return text ? (Number(fields[11]) + Number(fields[12])) * TICK_MS : undefined
}
