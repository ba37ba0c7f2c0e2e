/** `npm run cost` rewrites docs/operate/cost.md, from bench/results/bench.json and bench/cost/cost-inputs.ts. */
import { readFile, writeFile } from 'node:fs/promises'
import { readArguments } from '../../local/support/arguments.ts'
import { command } from '../../local/support/command.ts'
import { table } from '../report.ts'
import type { Results } from '../results.ts'
import {
  type Amount,
  type Bill,
  cheapestRedis,
  commandsAtPeak,
  computeBill,
  computeUses,
  HOURS_A_MONTH,
  JOB_COMMANDS,
  type Kind,
  LEAST_CU_HOURS,
  mixUses,
  type PricedAmount,
  payAsYouGo,
  rollUpGb,
  total,
  type Use,
} from './cost-bills.ts'
import { INPUTS, input, REDIS_PLANS } from './cost-inputs.ts'

const RESULTS = new URL('../results/bench.json', import.meta.url)
const PAGE = new URL('../../docs/operate/cost.md', import.meta.url)

const FREE_USERS = 1_000
const FREE: Amount = { count: 100_000 * FREE_USERS, organizations: FREE_USERS }
const ALL: Amount = { count: 1_000_000_000, organizations: input('organizations') }
const PER_SECOND = Math.round(ALL.count / (HOURS_A_MONTH * 3_600))
/** Verifications per month. */
const SIZES = [1e6, 1e7, 1e8, 1e9, 1e10]
/** A rule of thumb for comparison: a free user's month, and the number of $49 customers that pay for ten thousand of them. */
const RULE = { freeUser: 0.26, customers: 53, price: 49, freeUsers: 10_000 }

type Mix = Readonly<Partial<Record<Kind, number>>>

/** A free plan's limit of 60 per minute never makes a key busy. */
const FREE_MIX: Mix = { quiet: 1 - input('freeCold'), cold: input('freeCold') }
const ALL_MIX: Mix = {
  busy: input('allBusy'),
  quiet: 1 - input('allBusy') - input('allCold'),
  cold: input('allCold'),
}

const LABELS: Readonly<Record<keyof Bill, string>> = {
  requests: 'Workers: requests and plan',
  cpu: 'Workers: CPU',
  redis: 'Upstash: the cheapest plan',
  compute: 'Neon: compute',
  events: 'Neon: raw events',
  dedupe: 'Neon: ids that repeats are found by',
  rollUps: 'Neon: roll-ups',
}

const dollars = (amount: number) =>
  amount >= 100
    ? `$${Math.round(amount).toLocaleString('en')}`
    : `$${amount === 0 ? 0 : amount.toFixed(amount >= 1 ? 2 : 3)}`

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
  const priced = (amount: Amount, use: Use) => ({
    Tollgate: { ...amount, use, hasJobs: true },
    'by hand': { ...amount, use: naive, hasJobs: false },
  })
  const many = { count: 100_000 * RULE.freeUsers, organizations: RULE.freeUsers }
  return `# What it costs

Computed from what one verification was measured to take (${results.date}, ${results.machine}; ${results.stores}), public list
prices and assumptions. Written by \`npm run cost\`; change the inputs in \`bench/cost/cost-inputs.ts\`, measure with \`npm run bench --
--publish\`.

${inputs()}

## Measured, per verification

${usesTable(uses)}

A busy key was asked about ${input('busyRate')} times a second in one isolate, the others were ${input('otherRate')} a second in all, of many organizations: at such
rates a lease serves few verifications and a batch of usage holds two or three, which is most of what Postgres works. At full
speed each takes far less (docs/operate/performance.md). "By hand" is the design of \`bench/naive-worker.ts\`: a sliding window of
@upstash/ratelimit, a query for the key and a row for the usage, for every request of whatever key, in one table without
indexes, sums or statistics; repeats count again, and there are no quotas. CPU is this machine's; Cloudflare counts its own.

## A thousand free users with 100,000 verifications a month each

${billTable(mapBills(priced(FREE, free)))}

${freeUsers(priced(FREE, free), priced(many, free).Tollgate)}

## 1 billion verifications a month in all

They are ${PER_SECOND} a second on average.

${billTable(mapBills(priced(ALL, all)))}

Raw events are most of what is stored: \`USAGE_RETENTION_DAYS\` says for how long. An organization that is in use in every hour has ${(rollUpGb(1) * 1_000).toFixed(0)} MB of sums
after ${input('monthsRun')} months, however much it is used.

## By size

${sizesTable((count) => priced({ count, organizations: ALL.organizations }, all))}

${breakEven(all, naive)}

## What is free

${freeTiers(all)}
`
}

const inputs = () => `## Inputs

${table(
  ['', ''],
  Object.values(INPUTS).map(([value, meaning]) => [meaning, value.toLocaleString('en')]),
)}

${table(
  ['plan of Upstash', '$ a month', 'GB of data', 'GB of bandwidth a month'],
  REDIS_PLANS.map(({ name, price, gb, bandwidthGb }) => [
    name,
    ...[price, gb, bandwidthGb].map((value) => value.toLocaleString('en')),
  ]),
)}

The free one has 500,000 commands a month. A free user's 100,000 a month are one in 26 s, and an isolate loads a key's row again after 25 s: half
of them are cold in one isolate, four of five where they spread over four. So a free user's are assumed to be ${percents(FREE_MIX)}; those of a
whole deployment ${percents(ALL_MIX)}.`

const mapBills = (priced: Readonly<Record<string, PricedAmount>>) =>
  Object.fromEntries(Object.entries(priced).map(([name, one]) => [name, computeBill(one)]))

type Both = Readonly<Record<'Tollgate' | 'by hand', PricedAmount>>

/** The cost of one free user, compared with the rule of thumb. */
function freeUsers({ Tollgate, 'by hand': byHand }: Both, many: PricedAmount): string {
  const each = (priced: PricedAmount) => total(computeBill(priced)) / priced.organizations
  const paid = RULE.customers * RULE.price
  const left = paid - each(many) * RULE.freeUsers
  return `That is **${dollars(each(Tollgate))} for each of them**, ${dollars(each(byHand))} by hand; with Upstash's ${cheapestRedis(Tollgate).plan} here (${dollars(payAsYouGo(Tollgate).price)} where commands are
paid one by one). By a rule of thumb of ${dollars(RULE.freeUser)} for a free user, ${RULE.customers} customers at $${RULE.price} (${dollars(paid)}) pay
for ${RULE.freeUsers.toLocaleString('en')} free users, and nothing is left. Here ${RULE.freeUsers.toLocaleString('en')} cost ${dollars(each(many) * RULE.freeUsers)}, ${dollars(each(many))} each, which ${left >= 0 ? `leaves ${dollars(left)} a month` : `is ${dollars(-left)} more`}.`
}

function sizesTable(priced: (count: number) => Both): string {
  const rows = SIZES.map((count) => {
    const { Tollgate, 'by hand': byHand } = priced(count)
    const sizes = [count, Math.round(commandsAtPeak(Tollgate))].map((value) => value.toLocaleString('en'))
    return sizes.concat(
      [Tollgate, byHand].flatMap((one) => [dollars(total(computeBill(one))), cheapestRedis(one).plan]),
    )
  })
  return table(
    ['verifications a month', 'commands a second at peaks', 'Tollgate', 'Upstash', 'by hand', 'Upstash'],
    rows,
  )
}

/** The point from which a fixed price is cheaper than a price per command. */
function breakEven(all: Use, naive: Use): string {
  const [, least] = REDIS_PLANS
  const from = ({ commands }: Use) => (least.price / commands / input('upstashPer100kCommands') / 10).toFixed(1)
  const perSecond = input('upstashPerSecond').toLocaleString('en')
  return `A fixed plan of Upstash is cheaper than paying for each command from ${from(all)} million verifications a month on (${from(naive)} by hand): ${least.name} for $${least.price}. Then the
plan is chosen by bandwidth. One database takes ${perSecond} commands a second; where the busiest second has more, the table has as many databases, and says
"not yet": Tollgate cannot spread its organizations over several.`
}

/** What runs for free, and which limit is reached first. */
function freeTiers(all: Use): string {
  const [free] = REDIS_PLANS
  const [byWorkers, byRedis] = [input('workersFreeADay') * 30.4, (free.commands - JOB_COMMANDS) / all.commands]
  const hours = input('neonFreeCuHours') / input('neonLeastCu')
  const round = (count: number) => (Math.floor(count / 1_000) * 1_000).toLocaleString('en')
  const least = input('workersPlan') + LEAST_CU_HOURS * input('neonPerCuHour')
  const rows = [
    ['Workers', `${round(byWorkers)} requests a month; and passwords cannot be hashed in 10 ms of CPU`],
    [
      'Upstash',
      `${round(byRedis)} verifications a month: it has ${free.commands.toLocaleString('en')} commands, of which jobs take ${JOB_COMMANDS.toLocaleString('en')}`,
    ],
    [
      'Neon',
      `${Math.round(hours)} of the ${HOURS_A_MONTH} hours of a month at the smallest size, since jobs ask the database every minute and it never sleeps; and ${input('neonFreeGb')} GB`,
    ],
  ]
  return `${table(['provider', 'its free plan ends at'], rows)}

So all three together carry ${round(byRedis)} verifications, for ${Math.floor(hours / 24)} days: enough to try it on Cloudflare. The least that runs for good is Workers Paid, Upstash Free and
Neon Launch, ${dollars(least)} a month; \`npm start\` on a server of your own ([stand-alone.md](stand-alone.md)) needs none of them.`
}

const HELP = `Usage: npm run cost

Writes docs/operate/cost.md from bench/results/bench.json and the prices of bench/cost/cost-inputs.ts.`

await command(async function cost() {
  if (readArguments({}).values.help) return console.log(HELP)
  const results = JSON.parse(await readFile(RESULTS, 'utf8')) as Results
  await writeFile(PAGE, page(results))
  console.log('docs/operate/cost.md is written.')
})
