import { readFile } from 'node:fs/promises'
import type { Case } from './bench-cases.ts'
import type { Trips, World } from './bench-world.ts'
import { type Loaded, load } from './load.ts'
import { steadyLoad } from './steady.ts'
import { type Service, startWorkerd, type Workerd } from './worker.ts'

const STARTS = 15
/** Until the busy functions are compiled. */
const WARM_UP_SECONDS = 3
/** The last batch is written within a tenth of a second of the last answer. */
const WRITTEN_MS = 500
/** A lease is returned 1.5 s after it began. */
const GIVEN_BACK_MS = 2_500
const STEADY_SECONDS = 10
/** Longer than a lease, so that those of the previous load have ended. */
const STEADY_WARM_UP_SECONDS = 2

export interface Measured extends Loaded {
  readonly name: string
  /** CPU of the workerd process, per request. */
  readonly cpuMicros: number
  readonly memoryBytes: number
  /** Per request. */
  readonly trips: Trips
  /** CPU of Postgres, per request; absent if it is not a process of this machine. */
  readonly postgresMicros?: number
  /** Growth of the tables that grow with each use, including indexes, per request; separately for the ids that detect repeats. */
  readonly storedBytes: Readonly<Record<'events' | 'dedupe', number>>
}

interface Effort {
  readonly seconds: number
  readonly connections: number
}

/** Runs one case in a separate process. */
export async function measure(world: World, one: Case, effort: Effort): Promise<Measured> {
  const workerd = await startWorkerd(one.services)
  try {
    const { rate } = one
    const measured = rate === undefined ? measureBusy : measureSteady
    return { name: one.name, ...(await measured(world, workerd, one, effort)) }
  } finally {
    await workerd.kill()
  }
}

/** As many requests as possible. */
async function measureBusy(world: World, workerd: Workerd, { path, how, warmUp }: Case, effort: Effort) {
  const { connections, seconds } = effort
  const asked = { url: workerd.url + path, connections, ...how }
  await load({
    ...asked,
    ...(warmUp === undefined ? { seconds: WARM_UP_SECONDS } : { amount: Math.max(warmUp, connections) }),
  })
  return await measureBetween(world, workerd, WRITTEN_MS, () => load({ ...asked, seconds }))
}

/** Requests at `rate`; functions are compiled first, as in an isolate that has run for a while. */
async function measureSteady(
  world: World,
  workerd: Workerd,
  { path, how, warmUp, rate = 0, before, beside }: Case,
  effort: Effort,
) {
  const asked = { url: workerd.url + path, ...how }
  await load({ ...asked, ...before, connections: effort.connections, seconds: WARM_UP_SECONDS })
  if (warmUp !== undefined) await load({ ...asked, connections: 1, amount: warmUp })
  const both = async (seconds: number) => {
    const others =
      beside && steadyLoad({ url: workerd.url + beside.path, ...beside.how }, { rate: beside.rate, seconds })
    const loaded = await steadyLoad(asked, { rate, seconds })
    return withOthers(loaded, await others)
  }
  await both(STEADY_WARM_UP_SECONDS)
  return await measureBetween(world, workerd, GIVEN_BACK_MS, () => both(STEADY_SECONDS))
}

/** The others are not measured, but must be answered as well. */
const withOthers = (loaded: Loaded, others: Loaded | undefined): Loaded =>
  others
    ? {
        ...loaded,
        failed: loaded.failed + others.failed,
        unexpected: loaded.unexpected + others.unexpected,
        reasons: [...loaded.reasons, ...others.reasons],
      }
    : loaded

/** @param settleMs how long after the last answer the stores may still get requests for it */
async function measureBetween(world: World, workerd: Workerd, settleMs: number, work: () => Promise<Loaded>) {
  await world.trips()
  const before = { cpu: await workerd.cpuMs(), postgres: await postgresMs(world) }
  const [events, dedupe] = [await storedUse(world, 'events'), await storedUse(world, 'dedupe')]
  const loaded = await work()
  const cpuMicros = ((await workerd.cpuMs()) - before.cpu) * (1_000 / loaded.requests)
  const memoryBytes = await workerd.memoryBytes()
  await new Promise((resolve) => setTimeout(resolve, settleMs))
  const after = await postgresMs(world)
  const trips = await world.trips()
  const storedBytes = {
    events: grown(events, await storedUse(world, 'events')) / loaded.requests,
    dedupe: grown(dedupe, await storedUse(world, 'dedupe')) / loaded.requests,
  }
  return {
    ...loaded,
    cpuMicros,
    memoryBytes,
    trips: perRequest(trips, loaded.requests),
    storedBytes,
    ...(after.size > 0 && { postgresMicros: (since(before.postgres, after) * 1_000) / loaded.requests }),
  }
}

const perRequest = (trips: Trips, requests: number): Trips => ({
  sqlRequests: trips.sqlRequests / requests,
  redisRequests: trips.redisRequests / requests,
  redisCommands: trips.redisCommands / requests,
})

/** Tables that grow with each use: events, ids for deduplication, and the one table of the hand-written design. */
const GROWING = { events: '^(usage_events|naive_usage)', dedupe: '^usage_dedupe' } as const

/** Rows and bytes of each table. */
type Stored = ReadonlyMap<string, { readonly rows: number; readonly bytes: number }>

async function storedUse({ sql }: World, kind: keyof typeof GROWING): Promise<Stored> {
  const tables = await sql.query("select relname from pg_class where relkind = 'r' and relname ~ $1", [GROWING[kind]])
  const sizes = tables.map(
    ({ relname }) =>
      `select '${relname}' as name, count(*)::int as rows, pg_total_relation_size('${relname}')::float8 as bytes from ${relname}`,
  )
  const rows = await sql.query(sizes.join(' union all '))
  return new Map(rows.map(({ name, rows, bytes }) => [name, { rows, bytes }]))
}

/**
 * Estimates the bytes of the new rows from the average size of a row. The growth of the table is too coarse a measure:
 * a table grows by whole pages, several at a time.
 */
function grown(before: Stored, after: Stored): number {
  const newBytes = [...after].map(
    ([name, { rows, bytes }]) => (rows - (before.get(name)?.rows ?? 0)) * (bytes / (rows || 1)),
  )
  return newBytes.reduce((sum, bytes) => sum + bytes, 0)
}

/** @returns the CPU in milliseconds of each Postgres process that serves this database; empty if it runs on another machine */
async function postgresMs({ sql }: World): Promise<ReadonlyMap<number, number>> {
  const rows = await sql.query('select pid from pg_stat_activity where datname = current_database()')
  const times = new Map<number, number>()
  for (const pid of rows.map((row) => Number(row.pid))) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    const stat = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '')
    if (name.startsWith('postgres')) times.set(pid, Number(stat.split(' ')[0]) / 1e6)
  }
  return times
}

/** By process, because processes of connections that were idle for long end, and their sums with them. */
const since = (before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>) =>
  [...after].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0)

export interface Start {
  /** Medians of the time from the start of the process to the first answer. */
  readonly ms: number
  readonly cpuMs: number
}

interface LoadRequest {
  readonly service: Service
  readonly path: string
}

/**
 * How long Workers take from nothing to their first answer: mostly reading, compiling and evaluating their modules.
 * The Workers alternate, because a shared machine is faster in one minute than in the next.
 */
export async function measureStarts<Name extends string>(
  workers: Readonly<Record<Name, LoadRequest>>,
): Promise<Record<Name, Start>> {
  const names = Object.keys(workers) as Name[]
  const starts: [Name, Start][] = []
  for (let n = 0; n < STARTS; n++) for (const name of names) starts.push([name, await startOnce(workers[name])])
  const middle = (name: Name, figure: keyof Start) =>
    median(starts.filter(([one]) => one === name).map(([, start]) => start[figure]))
  const medians = names.map((name) => [name, { ms: middle(name, 'ms'), cpuMs: middle(name, 'cpuMs') }])
  return Object.fromEntries(medians) as Record<Name, Start>
}

async function startOnce({ service, path }: LoadRequest): Promise<Start> {
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
