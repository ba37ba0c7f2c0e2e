/** Formats figures as tables and bars: to the terminal, and into docs/operate/performance.md between its markers. */
import { readFile, writeFile } from 'node:fs/promises'
import { ALONE, BESIDE_SIGN_INS } from './bench-cases.ts'
import type { Measured } from './bench-measure.ts'
import { BUDGETS, type Budget } from './budgets.ts'
import { GATEWAY, PASS_THROUGH } from './gateway-cases.ts'
import type { Results } from './results.ts'

const PAGE = new URL('../docs/operate/performance.md', import.meta.url)
const BARS = {
  'performance-requests.svg': ['Answers a second (one workerd process)', (one: Measured) => one.perSecond],
  'performance-cpu.svg': ['CPU of the process per answer, in microseconds', (one: Measured) => one.cpuMicros],
} as const

const NAMES: Readonly<Record<string, string>> = {
  empty: 'empty Hono route (GET, two bytes)',
  json: 'Hono route that takes and gives JSON',
  same: 'the same with the bytes of a verification',
  'http busy': 'verification over HTTP, busy key',
  'http busy beside sign-ins': 'the same while five people sign in each second',
  'http quiet': 'verification over HTTP, quiet keys',
  'http cold': 'verification over HTTP, cold keys',
  'http invalid': 'verification over HTTP, mistyped key',
  'rpc busy': 'verification over RPC, busy key',
  'rpc quiet': 'verification over RPC, quiet keys',
  'rpc cold': 'verification over RPC, cold keys',
  'rpc invalid': 'verification over RPC, mistyped key',
  naive: 'by hand: ratelimit + query + insert',
  [PASS_THROUGH]: 'Worker that passes a request on',
  [GATEWAY]: 'the gateway, busy key, 1 kB',
  'better-auth': 'Better Auth api-key plugin (Node)',
}

const labelCase = ({ name }: Measured) => NAMES[name] ?? name

/** The figures of the budgets, if they were measured. */
export function computeFigures({ cases, steady, bundle, start }: Results): Partial<Record<Budget, number>> {
  const of = (name: string) => [...cases, ...steady].find((one) => one.name === name)
  const [same, busy, quiet, cold] = [of('same'), of('http busy'), of('http quiet'), of('http cold')]
  const [invalid, at200, beside] = [of('http invalid'), of(ALONE), of(BESIDE_SIGN_INS)]
  return {
    ...compareGateway({ forward: of(PASS_THROUGH), gateway: of(GATEWAY), same, busy }),
    ...(same && busy && { busyPerSecond: busy.perSecond / same.perSecond, busyCpu: busy.cpuMicros / same.cpuMicros }),
    ...(busy && { busyRedisRequests: busy.trips.redisRequests, busySqlRequests: busy.trips.sqlRequests }),
    ...(quiet && {
      quietRedisRequests: quiet.trips.redisRequests,
      quietRedisCommands: quiet.trips.redisCommands,
      quietSqlRequests: quiet.trips.sqlRequests,
    }),
    ...(cold && { coldRedisRequests: cold.trips.redisRequests, coldSqlRequests: cold.trips.sqlRequests }),
    ...(invalid && {
      invalidRedisRequests: invalid.trips.redisRequests,
      invalidSqlRequests: invalid.trips.sqlRequests,
    }),
    ...(at200 && { steadyRedisRequests: at200.trips.redisRequests }),
    ...(at200 && beside && { signInsP99: beside.p99 / at200.p99 }),
    evaluationCpu: (start.tollgate.cpuMs - start.compiled.cpuMs) / start.empty.cpuMs,
    compilingCpu: (start.compiled.cpuMs - start.empty.cpuMs) / start.empty.cpuMs,
    bundleBytes: bundle.bytes,
    bundleGzipBytes: bundle.gzipBytes,
  }
}

type Compared = Readonly<Record<'forward' | 'gateway' | 'same' | 'busy', Measured | undefined>>

/** Adds the cost of a verification above a route that does nothing, because the gateway must make one. */
function compareGateway({ forward, gateway, same, busy }: Compared) {
  if (!forward || !gateway || !same || !busy) return {}
  return { gatewayCpu: gateway.cpuMicros / (forward.cpuMicros + busy.cpuMicros - same.cpuMicros) }
}

export function print(results: Results): void {
  console.log(text(results))
}

/** Rewrites the page's figures and its pictures. */
export async function publish(results: Results): Promise<void> {
  const page = await readFile(PAGE, 'utf8')
  const [from, to] = ['<!-- figures -->', '<!-- /figures -->']
  const written = `${page.slice(0, page.indexOf(from) + from.length)}\n${text(results)}\n${page.slice(page.indexOf(to))}`
  await writeFile(PAGE, written)
  for (const [file, [title, value]] of Object.entries(BARS)) {
    const svg = bars(
      title,
      results.cases.map((one) => [labelCase(one), value(one)]),
    )
    await writeFile(new URL(file, PAGE), svg)
  }
}

function text(results: Results): string {
  const { date, machine, loadBefore, stores, effort, cases, steady, delayed, bundle, start } = results
  const [empty, same] = ['empty', 'same'].map((wanted) => cases.find(({ name }) => name === wanted))
  return `
${date}, ${machine}; ${stores}. ${effort.seconds} s each on ${effort.connections} connections, all on this one machine, whose load was ${loadBefore}
before it began${loadBefore > 1 ? ': others were at work on it, so that only the proportions count' : ''}.

${table(
  ['', 'answers/s', 'CPU µs', 'of the empty one', 'of the same bytes', 'p50 ms', 'p99 ms', 'Redis', 'Neon', 'failed'],
  cases.map((one) => [
    labelCase(one),
    Math.round(one.perSecond).toLocaleString('en'),
    String(Math.round(one.cpuMicros)),
    multiples(one, empty),
    multiples(one, same),
    one.p50.toFixed(2),
    one.p99.toFixed(2),
    one.trips.redisRequests.toFixed(3),
    one.trips.sqlRequests.toFixed(3),
    String(one.failed + one.unexpected),
  ]),
)}

"Of the empty one", "of the same bytes": answers a second / CPU, as multiples of that route's. "Redis" and "Neon": round
trips per answer. "Failed": without an answer, or with another one than the case has to get.

At a fixed rate, 10 s each: one busy key, or quiet and cold keys of a hundred organizations. Requests come at moments that
know nothing of each other, and trips are counted until the last lease has given back. Per verification:

${steadyTable(steady)}

With a delay before each answer of the stores, on 16 connections, p50 / p99 in ms:

${table(
  ['', ...delayed.map(({ ms }) => `+${ms} ms`)],
  (delayed[0]?.cases ?? []).map((one, at) =>
    [NAMES[one.name.split(',')[0] ?? ''] ?? one.name].concat(
      delayed.map(({ cases: some }) => `${some[at]?.p50.toFixed(1)} / ${some[at]?.p99.toFixed(1)}`),
    ),
  ),
)}

The bundle has ${kb(bundle.bytes)}, ${kb(bundle.gzipBytes)} with gzip. From the start of the process to its first answer, medians:

${table(
  ['', 'ms', 'CPU ms', 'above the one before'],
  [
    ['empty Worker with Hono', start.empty, undefined] as const,
    [
      'the same, with all modules of Tollgate beside it, compiled and not evaluated',
      start.compiled,
      start.empty,
    ] as const,
    ['Tollgate', start.tollgate, start.compiled] as const,
  ].map(([label, one, before]) => [
    label,
    one.ms.toFixed(0),
    one.cpuMs.toFixed(1),
    before ? (one.cpuMs - before.cpuMs).toFixed(1) : '',
  ]),
)}

${table(
  ['budget (`bench/budgets.ts`)', 'measured', 'allowed'],
  (Object.entries(computeFigures(results)) as [Budget, number][]).map(([name, figure]) => [
    name,
    shortly(figure),
    shortly(BUDGETS[name]),
  ]),
)}
`
}

/** @param steady cases whose names end in their rates */
function steadyTable(steady: readonly Measured[]): string {
  return table(
    ['', 'a second', 'p50 ms', 'p99 ms', 'Redis', 'Redis commands', 'Neon', 'CPU µs', 'CPU µs of Postgres', 'failed'],
    steady.map((one) => {
      const [name = '', rate = ''] = one.name.replace('/s', '').split(' at ')
      const { redisRequests, redisCommands, sqlRequests } = one.trips
      return [
        NAMES[name] ?? name,
        rate,
        ...[one.p50, one.p99].map((ms) => ms.toFixed(1)),
        ...[redisRequests, redisCommands, sqlRequests].map((trips) => trips.toFixed(3)),
        ...[one.cpuMicros, one.postgresMicros].map((micros) => micros?.toFixed(0) ?? ''),
        String(one.failed + one.unexpected),
      ]
    }),
  )
}

const multiples = (one: Measured, base: Measured | undefined) =>
  base ? `${(one.perSecond / base.perSecond).toFixed(2)} / ${(one.cpuMicros / base.cpuMicros).toFixed(2)}` : ''

const shortly = (figure: number) =>
  figure >= 1_000 ? figure.toLocaleString('en') : String(Number(figure.toPrecision(3)))
const kb = (bytes: number) => `${Math.round(bytes / 1000).toLocaleString('en')} kB`

/** A Markdown table; all columns but the first are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

const ROW = 26
const LABEL = 300
const WIDTH = 760

/** Horizontal bars, drawn only with shapes and text; readable on a dark page as well. */
function bars(title: string, rows: readonly (readonly [string, number])[]): string {
  const most = Math.max(...rows.map(([, value]) => value))
  const height = ROW * (rows.length + 2)
  const lines = rows.map(([label, value], at) => {
    const y = ROW * (at + 1.5)
    const width = Math.max(1, (value / most) * (WIDTH - LABEL - 90))
    return `  <text x="${LABEL - 8}" y="${y + 14}" text-anchor="end">${label}</text>
  <rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="18" fill="#2f7d6d"/>
  <text x="${(LABEL + width + 6).toFixed(1)}" y="${y + 14}">${Math.round(value).toLocaleString('en')}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#57606a">
  <text x="8" y="20" font-size="15">${title}</text>
${lines.join('\n')}
</svg>
`
}
