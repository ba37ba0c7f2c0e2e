import { readFile } from 'node:fs/promises'
import type { Case } from './bench-cases.ts'
import type { Trips, World } from './bench-world.ts'
import { type Loaded, load } from './load.ts'
import { type Service, startWorkerd, type Workerd } from './worker.ts'

const STARTS = 15
const TICK_MS = 10
/** Until the busy functions are compiled. */
const WARM_UP_SECONDS = 3

export interface Measured extends Loaded {
  readonly name: string
  /** Of the workerd process, per request. */
  readonly cpuMicros: number
  readonly memoryBytes: number
  /** Per request. */
  readonly trips: Trips
  /** Of Postgres, per request; absent where it is not a process of this machine. */
  readonly postgresMicros?: number
  /** By which the tables of single uses grew, indexes with them, per request. */
  readonly storedBytes: number
}

interface Effort {
  readonly seconds: number
  readonly connections: number
}

/** Runs one case in a process of its own. */
export async function measure(
  world: World,
  { name, services, path, how, warmUp }: Case,
  effort: Effort,
): Promise<Measured> {
  const workerd = await startWorkerd(services)
  try {
    const url = workerd.url + path
    const { connections, seconds } = effort
    await load({
      url,
      connections,
      ...how,
      ...(warmUp === undefined ? { seconds: WARM_UP_SECONDS } : { amount: Math.max(warmUp, connections) }),
    })
    return { name, ...(await between(world, workerd, () => load({ url, connections, seconds, ...how }))) }
  } finally {
    await workerd.kill()
  }
}

async function between(world: World, workerd: Workerd, work: () => Promise<Loaded>) {
  await world.trips()
  const before = { cpu: await workerd.cpuMs(), postgres: await postgresMs(world), bytes: await usageBytes(world) }
  const loaded = await work()
  const cpuMicros = ((await workerd.cpuMs()) - before.cpu) * (1_000 / loaded.requests)
  const memoryBytes = await workerd.memoryBytes()
  await settled()
  const after = await postgresMs(world)
  const trips = await world.trips()
  const storedBytes = Math.max(0, (await usageBytes(world)) - before.bytes) / loaded.requests
  return {
    ...loaded,
    cpuMicros,
    memoryBytes,
    trips: perRequest(trips, loaded.requests),
    storedBytes,
    ...(after !== undefined && { postgresMicros: ((after - (before.postgres ?? 0)) * 1_000) / loaded.requests }),
  }
}

/** The last batch is written within a tenth of a second of the last answer. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 500))

const perRequest = (trips: Trips, requests: number): Trips => ({
  sqlRequests: trips.sqlRequests / requests,
  redisRequests: trips.redisRequests / requests,
  redisCommands: trips.redisCommands / requests,
})

/** Of what grows with each use: events, the ids by which repeats are found, and the one table of the design by hand. */
async function usageBytes({ sql }: World): Promise<number> {
  const [row] = await sql.query(
    `select sum(pg_total_relation_size(oid))::float8 as bytes from pg_class
     where relkind = 'r' and relname ~ '^(usage_events|usage_dedupe|naive_usage)'`,
  )
  return Number(row?.bytes)
}

/** @returns the CPU of the processes of Postgres that serve this database, in milliseconds, where they are this machine's */
async function postgresMs({ sql }: World): Promise<number | undefined> {
  const rows = await sql.query('select pid from pg_stat_activity where datname = current_database()')
  const stats = await Promise.all(rows.map(({ pid }) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  if (!stats.some((stat) => stat.includes('(postgres)'))) return undefined
  return stats.reduce((sum, stat) => sum + cpuOf(stat), 0)
}

function cpuOf(stat: string): number {
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return (Number(user ?? 0) + Number(system ?? 0)) * TICK_MS
}

export interface Start {
  /** Medians until the first answer, from the start of the process. */
  readonly ms: number
  readonly cpuMs: number
}

interface Asked {
  readonly service: Service
  readonly path: string
}

/**
 * How long Workers take from nothing to their first answer: reading, compiling and evaluating their modules is most of it.
 * Each starts in turn, since a shared machine is faster in one minute than in the next.
 */
export async function measureStarts<Name extends string>(
  workers: Readonly<Record<Name, Asked>>,
): Promise<Record<Name, Start>> {
  const names = Object.keys(workers) as Name[]
  const starts: [Name, Start][] = []
  for (let n = 0; n < STARTS; n++) for (const name of names) starts.push([name, await startOnce(workers[name])])
  const middle = (name: Name, figure: keyof Start) =>
    median(starts.filter(([one]) => one === name).map(([, start]) => start[figure]))
  const medians = names.map((name) => [name, { ms: middle(name, 'ms'), cpuMs: middle(name, 'cpuMs') }])
  return Object.fromEntries(medians) as Record<Name, Start>
}

async function startOnce({ service, path }: Asked): Promise<Start> {
  const started = performance.now()
  const workerd = await startWorkerd({ worker: service })
  try {
    await (await fetch(workerd.url + path)).arrayBuffer()
    return { ms: performance.now() - started, cpuMs: await workerd.cpuMs() }
  } finally {
    await workerd.kill()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
