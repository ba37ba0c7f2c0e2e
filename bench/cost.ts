/** `npm run cost` writes docs/cost.md anew, from bench/results/bench.json and the prices here. */
import { readFile, writeFile } from 'node:fs/promises'
import { command } from '../local/command.ts'
import type { Results } from './bench.ts'
import type { Measured } from './bench-measure.ts'
import { table } from './report.ts'

const RESULTS = new URL('results/bench.json', import.meta.url)
const PAGE = new URL('../docs/cost.md', import.meta.url)

/** Public list prices in US dollars, before taxes and discounts. All that is assumed rather than measured is here, too. */
const INPUTS = {
  workersPlan: [5, 'Workers Paid, a month, with 10 million requests and 30 million ms of CPU'],
  workersPerMillionRequests: [0.3, 'Workers, each million requests beyond that; calls over a service binding are none'],
  workersPerMillionCpuMs: [0.02, 'Workers, each million ms of CPU beyond that'],
  upstashPer100kCommands: [
    0.2,
    'Upstash Redis pay-as-you-go, each 100,000 commands; those inside a script are counted, too',
  ],
  upstashFixed: [100, 'Upstash Redis, the fixed plan of 5 GB, a month, up to 10,000 commands a second'],
  neonPerCuHour: [0.106, 'Neon Launch, each hour of a compute unit (about one CPU)'],
  neonPerGbMonth: [0.35, 'Neon Launch, storage, each GB and month'],
  neonUse: [0.5, 'assumed: the part of a compute unit that is in use while it is paid for'],
  neonLeastCu: [0.25, 'assumed: the compute units that are always on'],
  monthsKept: [13.2, 'months for which raw events are kept (USAGE_RETENTION_DAYS = 400)'],
} as const

/** How the bills came about, and what can be turned. */
const REMARKS = `
A quiet verification takes several commands, since one script checks versions, window and quotas and takes from all or
none; the window by hand takes four. A busy key's lease makes them none. So the more of the traffic is busy, the cheaper
Tollgate is; for many quiet keys a fixed plan is the choice. What Tollgate stores for each use, and the design by hand does
not, is what makes statistics, exports and counting once possible: \`USAGE_RETENTION_DAYS\` says for how long, and the hourly
and daily sums stay. Over a service binding Cloudflare charges no request.`

const price = (name: keyof typeof INPUTS): number => INPUTS[name][0]

const HOURS_A_MONTH = 730
const FREE = 100_000
const ALL = 1_000_000_000

/** What part of the verifications is of which kind: assumed. A free plan's 60 a minute never make a key busy. */
const MIXES: Readonly<Record<'free' | 'all', Readonly<Record<string, number>>>> = {
  free: { 'http quiet': 0.7, 'http cold': 0.3 },
  all: { 'http busy': 0.7, 'http quiet': 0.25, 'http cold': 0.05 },
}

/** Of one verification. */
interface Use {
  readonly requests: number
  readonly cpuMs: number
  readonly commands: number
  readonly statements: number
  readonly postgresMs: number
  readonly bytes: number
}

type Bill = Readonly<Record<'requests' | 'cpu' | 'redis' | 'compute' | 'storage', number>>

function useOf({ cpuMicros, trips, postgresMicros = 0, storedBytes }: Measured): Use {
  return {
    requests: 1,
    cpuMs: cpuMicros / 1_000,
    commands: trips.redisCommands,
    statements: trips.sqlRequests,
    postgresMs: postgresMicros / 1_000,
    bytes: storedBytes,
  }
}

function mixed(results: Results, mix: Readonly<Record<string, number>>): Use {
  const parts = Object.entries(mix).map(([name, part]) => [useOf(caseOf(results, name)), part] as const)
  const sum = (what: keyof Use) => parts.reduce((total, [use, part]) => total + use[what] * part, 0)
  return {
    requests: 1,
    cpuMs: sum('cpuMs'),
    commands: sum('commands'),
    statements: sum('statements'),
    postgresMs: sum('postgresMs'),
    bytes: sum('bytes'),
  }
}

function caseOf({ cases }: Results, name: string): Measured {
  const found = cases.find((one) => one.name === name)
  if (!found) throw new Error(`bench/results/bench.json lacks "${name}": npm run bench -- --publish`)
  return found
}

/** What so many verifications a month cost beyond what is paid in any case. */
function marginal(use: Use, count: number): Bill {
  return {
    requests: ((use.requests * count) / 1e6) * price('workersPerMillionRequests'),
    cpu: ((use.cpuMs * count) / 1e6) * price('workersPerMillionCpuMs'),
    redis: ((use.commands * count) / 1e5) * price('upstashPer100kCommands'),
    compute: ((use.postgresMs * count) / 3.6e6 / price('neonUse')) * price('neonPerCuHour'),
    storage: ((use.bytes * count) / 1e9) * price('monthsKept') * price('neonPerGbMonth'),
  }
}

/** The same with what is paid in any case, and without what is included in that. */
function whole(use: Use, count: number): Bill {
  const least = price('neonLeastCu') * HOURS_A_MONTH * price('neonPerCuHour')
  const bill = marginal(use, count)
  return {
    ...bill,
    requests: price('workersPlan') + Math.max(0, bill.requests - 10 * price('workersPerMillionRequests')),
    cpu: Math.max(0, bill.cpu - 30 * price('workersPerMillionCpuMs')),
    compute: Math.max(least, bill.compute),
  }
}

const total = (bill: Bill) => Object.values(bill).reduce((sum, part) => sum + part, 0)

const LABELS: Readonly<Record<keyof Bill, string>> = {
  requests: 'Workers: requests and plan',
  cpu: 'Workers: CPU',
  redis: 'Upstash: commands',
  compute: 'Neon: compute',
  storage: 'Neon: storage of raw events',
}

const dollars = (amount: number) =>
  amount >= 100 ? `$${Math.round(amount).toLocaleString('en')}` : `$${amount.toFixed(amount >= 1 ? 2 : 4)}`

function billTable(bills: Readonly<Record<string, Bill>>): string {
  const parts = Object.keys(LABELS) as (keyof Bill)[]
  return table(
    ['', ...Object.keys(bills)],
    [
      ...parts.map((part) => [LABELS[part]].concat(Object.values(bills).map((bill) => dollars(bill[part])))),
      ['**in all**', ...Object.values(bills).map((bill) => `**${dollars(total(bill))}**`)],
    ],
  )
}

function measuredTable(results: Results): string {
  const names = { 'busy key': 'http busy', 'quiet keys': 'http quiet', 'cold keys': 'http cold', 'by hand': 'naive' }
  const rows = Object.entries(names).map(([label, name]) => {
    const use = useOf(caseOf(results, name))
    return [label, use.cpuMs, use.commands, use.statements, use.postgresMs, use.bytes].map((value) =>
      typeof value === 'number' ? value.toFixed(value >= 100 ? 0 : 3) : value,
    )
  })
  return table(['', 'Worker CPU ms', 'Redis commands', 'Neon requests', 'Postgres CPU ms', 'bytes stored'], rows)
}

function page(results: Results): string {
  const naive = useOf(caseOf(results, 'naive'))
  const [free, all] = [mixed(results, MIXES.free), mixed(results, MIXES.all)]
  const bills = { Tollgate: whole(all, ALL), 'by hand': whole(naive, ALL) }
  const perSecond = (use: Use) => Math.round((use.commands * ALL) / (HOURS_A_MONTH * 3_600)).toLocaleString('en')
  return `# What it costs

Computed from what one verification was measured to take (${results.date}, ${results.machine}; ${results.stores}) and public
list prices. Written by \`npm run cost\`; change the prices in \`bench/cost.ts\`, measure with \`npm run bench -- --publish\`.

## Inputs

${table(
  ['', ''],
  Object.values(INPUTS).map(([value, meaning]) => [meaning, String(value)]),
)}

A free user's verifications are ${percents(MIXES.free)}; those of a whole deployment ${percents(MIXES.all)}.

## Measured, per verification

${measuredTable(results)}

"By hand" is the design of \`bench/naive-worker.ts\`: the sliding window of @upstash/ratelimit, a query for the key and a row
for the usage, for every request. Its one table has no sums, no duplicates refused, no quotas and no statistics. CPU is this
machine's; Cloudflare counts its own. Stored are single uses with their indexes; sums grow with keys and hours, not with uses.
Commands inside of scripts are counted: Upstash bills them, too.

## A free user with 100,000 verifications a month

What they add to a deployment that runs anyway:

${billTable({ Tollgate: marginal(free, FREE), 'by hand': marginal(naive, FREE) })}

## 1 billion verifications a month in all

${billTable(bills)}

Tollgate sends ${perSecond(all)} commands a second to Redis on average, the design by hand ${perSecond(naive)}. Where the peaks stay below
10,000, a fixed plan of Upstash (${dollars(price('upstashFixed'))} a month) takes the place of the line for commands: then it is ${dollars(withFixed(bills.Tollgate))} against
${dollars(withFixed(bills['by hand']))}.
${REMARKS}
`
}

const withFixed = (bill: Bill) => total({ ...bill, redis: price('upstashFixed') })

const percents = (mix: Readonly<Record<string, number>>) =>
  Object.entries(mix)
    .map(([name, part]) => `${Math.round(part * 100)} % ${name.replace('http ', '')}`)
    .join(', ')

await command(async function cost() {
  const results = JSON.parse(await readFile(RESULTS, 'utf8')) as Results
  await writeFile(PAGE, page(results))
  console.log('docs/cost.md is written.')
})
