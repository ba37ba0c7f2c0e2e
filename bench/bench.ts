/** `npm run bench`: see HELP. */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem } from 'node:os'
import { readArguments } from '../local/support/arguments.ts'
import { command } from '../local/support/command.ts'
import { readAddress, readCount } from '../local/support/settings.ts'
import { withBetterAuth } from './bench-better-auth.ts'
import {
  ALONE,
  BESIDE_SIGN_INS,
  type Bundles,
  buildAll,
  buildCases,
  buildSteadyCases,
  type Case,
} from './bench-cases.ts'
import { type Measured, measure, measureStarts } from './bench-measure.ts'
import { openWorld, type World } from './bench-world.ts'
import { listBroken, listMisanswered } from './budgets.ts'
import { GATEWAY, PASS_THROUGH } from './gateway-cases.ts'
import { computeFigures, print, publish } from './report.ts'
import type { Results } from './results.ts'
import { startWorkerd } from './worker.ts'

const HELP = `Usage: npm run bench -- [--seconds 5] [--connections 32] [--only "http busy,json"] [--better-auth] [--publish]

Builds the Worker as it is deployed, runs it in workerd over the local stack, and measures it beside an empty route and
what people write by hand. Fails when a request is not answered as it has to be, and when a budget of bench/budgets.ts is
broken.
  --better-auth  also Better Auth's api-key plugin; fetches it into a temporary folder, and needs DATABASE_URL
  --publish      writes bench/results/bench.json and the figures of docs/operate/performance.md
Environment: DATABASE_URL and REDIS_URL for real stores; a database of its own is made beside the given one.`

const DELAYS_MS = [0, 5, 20]
const DELAYED = new Set(['http busy', 'http quiet', 'http cold', 'naive'])
const COMPARED = ['empty', 'same', 'http busy', PASS_THROUGH, GATEWAY]
const COMPARED_STEADY = [ALONE, BESIDE_SIGN_INS]
const TURNS = 5
const RESULTS = new URL('./results/', import.meta.url)

const OPTIONS = {
  seconds: { type: 'string' },
  connections: { type: 'string' },
  only: { type: 'string' },
  'better-auth': { type: 'boolean' },
  publish: { type: 'boolean' },
} as const

type Options = ReturnType<typeof readArguments<typeof OPTIONS>>['values']

await command(async function bench() {
  const { values } = readArguments(OPTIONS)
  if (values.help) return console.log(HELP)
  const effort = {
    seconds: readCount('--seconds', values.seconds, 5),
    connections: readCount('--connections', values.connections, 32),
  }
  const [databaseUrl, redisUrl] = [readAddress(process.env, 'DATABASE_URL'), readAddress(process.env, 'REDIS_URL')]
  const world = await openWorld({ databaseUrl, redisUrl })
  try {
    const results = await run(world, effort, values)
    print(results)
    const wrong = listMisanswered([results.cases, results.steady, ...results.delayed.map(({ cases }) => cases)].flat())
    if (wrong.length > 0) throw new Error(`Not answered as they have to be: ${wrong.join('; ')}`)
    if (values.publish) {
      await mkdir(RESULTS, { recursive: true })
      await writeFile(new URL('bench.json', RESULTS), `${JSON.stringify(results, null, 2)}\n`)
      await publish(results)
    }
    const faults = listBroken(computeFigures(results))
    if (faults.length > 0) throw new Error(`Budgets broken: ${faults.join('; ')}`)
  } finally {
    await world.close()
  }
})

async function run(world: World, effort: Results['effort'], values: Options): Promise<Results> {
  const bundles = await buildAll()
  const upstream = await startWorkerd({ upstream: { bundle: bundles.empty } })
  try {
    return await measureAll({ world, bundles, upstreamUrl: upstream.url }, effort, values)
  } finally {
    await upstream.kill()
  }
}

interface Parts {
  readonly world: World
  readonly bundles: Bundles
  /** The address of the gateway's upstream: in a separate process, whose CPU is not counted. */
  readonly upstreamUrl: string
}

async function measureAll(
  { world, bundles, upstreamUrl }: Parts,
  effort: Results['effort'],
  values: Options,
): Promise<Results> {
  const [loadBefore = 0] = loadavg()
  const { only = '' } = values
  await world.sql.query(
    'create table naive_usage (organization_id uuid, key_id uuid, endpoint text, at timestamptz default now())',
  )
  const isWanted = ({ name }: Case) => only === '' || only.split(',').includes(name)
  const cases = (await buildCases(world, bundles, upstreamUrl)).filter(isWanted)
  const steadyCases = (await buildSteadyCases(world, bundles)).filter(isWanted)
  const start = await measureAllStarts(world, bundles)
  const measured: Measured[] = []
  for (const one of cases) measured.push(await printWhenDone(measure(world, one, effort)))
  await compare({ world, cases, measured, effort }, COMPARED, leastCpu)
  const steady: Measured[] = []
  for (const one of steadyCases) steady.push(await printWhenDone(measure(world, one, effort)))
  await compare({ world, cases: steadyCases, measured: steady, effort }, COMPARED_STEADY, middleP99)
  if (values['better-auth']) measured.push(await printWhenDone(withBetterAuth(effort)))
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`,
    loadBefore: Number(loadBefore.toFixed(1)),
    stores: [process.env.DATABASE_URL ? 'Postgres' : 'PGlite', process.env.REDIS_URL ? 'Redis' : 'Valkey (wasm)'].join(
      ', ',
    ),
    effort,
    cases: measured,
    steady,
    delayed: await measureDelayed(world, cases, effort),
    bundle: { bytes: bundles.tollgate.bytes, gzipBytes: bundles.tollgate.gzipBytes },
    start,
  }
}

/** The lowest CPU: other work on the machine can only increase it. */
function leastCpu(runs: readonly Measured[]): Measured | undefined {
  return runs.toSorted((a, b) => a.cpuMicros - b.cpuMicros)[0]
}

/** The median: the best p99 is luck, because a few requests of a run decide it. */
function middleP99(runs: readonly Measured[]): Measured | undefined {
  return runs.toSorted((a, b) => a.p99 - b.p99)[runs.length >> 1]
}

interface Comparison {
  readonly world: World
  readonly cases: readonly Case[]
  readonly measured: Measured[]
  readonly effort: Results['effort']
}

/**
 * Measures the cases that a budget compares alternately, because a shared machine is faster in one minute than in the next.
 */
async function compare(
  { world, cases, measured, effort }: Comparison,
  names: readonly string[],
  choose: (runs: readonly Measured[]) => Measured | undefined,
) {
  const compared = cases.filter(({ name }) => names.includes(name))
  const runs = measured.filter(({ name }) => names.includes(name))
  for (let turn = 1; turn < TURNS; turn++)
    for (const one of compared) runs.push(await printWhenDone(measure(world, one, effort)))
  for (const name of names) {
    const place = measured.findIndex((one) => one.name === name)
    const chosen = choose(runs.filter((one) => one.name === name))
    if (chosen) measured[place] = chosen
  }
}

/**
 * The second and the third both read and compile all of Tollgate's modules. The second answers with the empty Worker, which
 * it compiles and evaluates as well; so the difference to the third is the evaluation of Tollgate and its first answer.
 */
async function measureAllStarts(world: World, { empty, tollgate }: Bundles): Promise<Results['start']> {
  const asleep = [...empty.pieces.map((piece) => ({ ...piece, name: `empty-${piece.name}` })), ...tollgate.pieces]
  return await measureStarts({
    empty: { service: { bundle: empty }, path: '/' },
    compiled: { service: { bundle: { ...tollgate, pieces: asleep } }, path: '/' },
    tollgate: { service: { bundle: tollgate, variables: world.variables }, path: '/health/live' },
  })
}

async function measureDelayed(world: World, cases: readonly Case[], effort: Results['effort']) {
  const delayed: Results['delayed'][number][] = []
  for (const ms of DELAYS_MS) {
    await world.delay({ redis: ms, sql: ms })
    const measured: Measured[] = []
    for (const one of cases.filter(({ name }) => DELAYED.has(name)))
      measured.push(
        await printWhenDone(measure(world, { ...one, name: `${one.name}, +${ms} ms` }, { ...effort, connections: 16 })),
      )
    delayed.push({ ms, cases: measured })
  }
  await world.delay({ redis: 0, sql: 0 })
  return delayed
}

async function printWhenDone(measuring: Promise<Measured>): Promise<Measured> {
  const measured = await measuring
  const { name, perSecond, cpuMicros, p50, p99, failed, unexpected } = measured
  console.error(
    `${name.padEnd(22)} ${Math.round(perSecond)}/s ${Math.round(cpuMicros)} us CPU, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms${failed + unexpected > 0 ? `, ${failed} FAILED, ${unexpected} ANSWERED OTHERWISE` : ''}`,
  )
  return measured
}
