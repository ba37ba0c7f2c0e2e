/** `npm run cost` writes docs/operate/cost.md anew, from bench/results/bench.json and bench/cost/cost-inputs.ts. */
import { readFile, writeFile } from 'node:fs/promises'
import { readArguments } from '../../local/support/arguments.ts'
import { command } from '../../local/support/command.ts'
import { table } from '../report.ts'
import type { Results } from '../results.ts'
import {
  type Bill,
  computeUses,
  HOURS_A_MONTH,
  type Kind,
  marginal,
  mixUses,
  redisGbSent,
  rollUpGb,
  total,
  type Use,
  whole,
} from './cost-bills.ts'
import { INPUTS, input } from './cost-inputs.ts'

const RESULTS = new URL('../results/bench.json', import.meta.url)
const PAGE = new URL('../../docs/operate/cost.md', import.meta.url)

const FREE = { count: 100_000, organizations: 1 }
const ALL = { count: 1_000_000_000, organizations: input('organizations') }
const PER_SECOND = Math.round(ALL.count / (HOURS_A_MONTH * 3_600))

type Mix = Readonly<Partial<Record<Kind, number>>>

/** A free plan's 60 a minute never make a key busy. */
const FREE_MIX: Mix = { quiet: 1 - input('freeCold'), cold: input('freeCold') }
const ALL_MIX: Mix = {
  busy: input('allBusy'),
  quiet: 1 - input('allBusy') - input('allCold'),
  cold: input('allCold'),
}

const LABELS: Readonly<Record<keyof Bill, string>> = {
  requests: 'Workers: requests and plan',
  cpu: 'Workers: CPU',
  commands: 'Upstash: commands',
  traffic: 'Upstash: bandwidth and storage',
  compute: 'Neon: compute',
  events: 'Neon: raw events',
  dedupe: 'Neon: ids that repeats are found by',
  rollUps: 'Neon: roll-ups',
}

const dollars = (amount: number) =>
  amount >= 100
    ? `$${Math.round(amount).toLocaleString('en')}`
    : `$${amount === 0 ? 0 : amount.toFixed(amount >= 1 ? 2 : 4)}`

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

function usesTable(uses: Readonly<Record<Kind, Use>>): string {
  const rows = (Object.keys(uses) as Kind[]).map((kind) => {
    const { cpuMs, commands, statements, postgresMs, eventBytes, dedupeBytes } = uses[kind]
    const exact = [cpuMs, commands, statements, postgresMs].map((value) => value.toFixed(3))
    return [[kind], exact, [eventBytes.toFixed(0), dedupeBytes.toFixed(0)]].flat()
  })
  const head = [
    'Worker CPU ms',
    'Redis commands',
    'Neon requests',
    'Postgres CPU ms',
    'bytes of events',
    'bytes of ids',
  ]
  return table(['', ...head], rows)
}

const percents = (mix: Mix) =>
  Object.entries(mix)
    .map(([kind, part]) => `${Math.round(part * 100)} % ${kind}`)
    .join(', ')

function page(results: Results): string {
  const uses = computeUses(results)
  const [free, all, naive] = [mixUses(uses, FREE_MIX), mixUses(uses, ALL_MIX), uses['by hand']]
  const bills = (price: typeof whole, amount: typeof ALL, use: Use) => ({
    Tollgate: price({ ...amount, use, hasRollUps: true }),
    'by hand': price({ ...amount, use: naive, hasRollUps: false }),
  })
  return `# What it costs

Computed from what one verification was measured to take (${results.date}, ${results.machine}; ${results.stores}), public list
prices and assumptions. Written by \`npm run cost\`; change the inputs in \`bench/cost/cost-inputs.ts\`, measure with \`npm run bench --
--publish\`.

## Inputs

${table(
  ['', ''],
  Object.values(INPUTS).map(([value, meaning]) => [meaning, value.toLocaleString('en')]),
)}

A free user's 100,000 a month are one in 26 s, and an isolate loads a key's row again after 25 s: half of them are cold in one
isolate, four of five where they spread over four. So a free user's are assumed to be ${percents(FREE_MIX)}; those of a
whole deployment ${percents(ALL_MIX)}.

## Measured, per verification

${usesTable(uses)}

A busy key was asked about ${input('busyRate')} times a second in one isolate, the others were ${input('otherRate')} a second in all, of many organizations: at such
rates a lease serves few verifications and a batch of usage holds two or three, which is most of what Postgres works. At full
speed each takes far less (docs/operate/performance.md). "By hand" is the design of \`bench/naive-worker.ts\`: a sliding window of
@upstash/ratelimit, a query for the key and a row for the usage, for every request of whatever key, in one table without
indexes, sums or statistics; repeats count again, and there are no quotas. CPU is this machine's; Cloudflare counts its own.

## A free user with 100,000 verifications a month

What they add to a deployment that runs anyway:

${billTable(bills(marginal, FREE, free))}

## 1 billion verifications a month in all

They are ${PER_SECOND} a second on average.

${billTable(bills(whole, ALL, all))}

${remarks(bills(whole, ALL, all), all, naive)}
`
}

/** How the bills came about, and what can be turned. */
function remarks(
  { Tollgate, 'by hand': byHand }: Readonly<Record<'Tollgate' | 'by hand', Bill>>,
  all: Use,
  naive: Use,
) {
  const perSecond = (use: Use) => Math.round((use.commands * ALL.count) / (HOURS_A_MONTH * 3_600)).toLocaleString('en')
  const withFixed = (bill: Bill) => dollars(total({ ...bill, commands: input('upstashFixed'), traffic: 0 }))
  const gb = (use: Use) => Math.round(redisGbSent(use, ALL.count)).toLocaleString('en')
  return `Tollgate sends ${perSecond(all)} commands a second to Redis on average, the design by hand ${perSecond(naive)}. Where the peaks stay below
10,000, and ${gb(all)} and ${gb(naive)} GB a month are within its bandwidth, a fixed plan of Upstash (${dollars(input('upstashFixed'))} a month) takes the place of both
lines: then it is ${withFixed(Tollgate)} against ${withFixed(byHand)}.

A quiet verification takes several commands, since one script checks versions, window and quotas and takes from all or none; the
window by hand takes four. The more often a key is asked about in one isolate, the fewer a verification of it takes. Raw
events are most of what is stored: \`USAGE_RETENTION_DAYS\` says for how long. Roll-ups grow by ${(rollUpGb(1) * 1_000).toFixed(1)} MB a month and organization
that is in use in every hour, however much it is used, and are kept for good.`
}

const HELP = `Usage: npm run cost

Writes docs/operate/cost.md from bench/results/bench.json and the prices of bench/cost/cost-inputs.ts.`

await command(async function cost() {
  if (readArguments({}).values.help) return console.log(HELP)
  const results = JSON.parse(await readFile(RESULTS, 'utf8')) as Results
  await writeFile(PAGE, page(results))
  console.log('docs/operate/cost.md is written.')
})
