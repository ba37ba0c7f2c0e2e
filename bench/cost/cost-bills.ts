/** What verifications consume, as measured, and what that costs, by the inputs. */

import type { Measured } from '../bench-measure.ts'
import type { Results } from '../results.ts'
import { input, REDIS_PLANS, type RedisPlan } from './cost-inputs.ts'

export const HOURS_A_MONTH = 730
const DAYS_A_MONTH = 30.4

/** The average of one verification. */
export interface Use {
  readonly cpuMs: number
  readonly redisRequests: number
  readonly commands: number
  readonly statements: number
  readonly postgresMs: number
  readonly eventBytes: number
  readonly dedupeBytes: number
}

/** A number of verifications per month. */
export interface Amount {
  readonly count: number
  readonly organizations: number
}

export interface PricedAmount extends Amount {
  readonly use: Use
  /** Whether jobs run as well and maintain sums, as Tollgate's do. */
  readonly hasJobs: boolean
}

export type Kind = 'busy' | 'quiet' | 'cold' | 'by hand'
export type Bill = Readonly<Record<'requests' | 'cpu' | 'redis' | 'compute' | 'events' | 'dedupe' | 'rollUps', number>>

/** At the rates of a deployment; bytes do not depend on rates, and are more precise for many verifications. */
export function computeUses(results: Results): Record<Kind, Use> {
  const [busyRate, otherRate] = [input('busyRate'), input('otherRate')]
  const use = (name: string, rate: number) =>
    toUse(findCase(results.steady, `${name} at ${rate}/s`), findCase(results.cases, name))
  return {
    busy: use('http busy', busyRate),
    quiet: use('http quiet', otherRate),
    cold: use('http cold', otherRate),
    'by hand': use('naive', otherRate),
  }
}

function findCase(cases: readonly Measured[] | undefined, name: string): Measured {
  const found = cases?.find((one) => one.name === name)
  if (!found) throw new Error(`bench/results/bench.json lacks "${name}": npm run bench -- --publish`)
  return found
}

function toUse({ name, cpuMicros, trips, postgresMicros }: Measured, { storedBytes }: Measured): Use {
  if (postgresMicros === undefined) throw new Error(`"${name}" was measured without a Postgres on the same machine.`)
  return {
    cpuMs: cpuMicros / 1_000,
    redisRequests: trips.redisRequests,
    commands: trips.redisCommands,
    statements: trips.sqlRequests,
    postgresMs: postgresMicros / 1_000,
    eventBytes: storedBytes.events,
    dedupeBytes: storedBytes.dedupe,
  }
}

/** @param mix parts that add up to one */
export function mixUses(uses: Readonly<Record<Kind, Use>>, mix: Readonly<Partial<Record<Kind, number>>>): Use {
  const parts = Object.entries(mix).map(([kind, part]) => [uses[kind as Kind], part] as const)
  const sum = (what: keyof Use) => parts.reduce((total, [use, part]) => total + use[what] * part, 0)
  return {
    cpuMs: sum('cpuMs'),
    redisRequests: sum('redisRequests'),
    commands: sum('commands'),
    statements: sum('statements'),
    postgresMs: sum('postgresMs'),
    eventBytes: sum('eventBytes'),
    dedupeBytes: sum('dedupeBytes'),
  }
}

/** Gigabytes of an organization's roll-ups: they depend on hours and combinations of dimensions, not on verifications. */
export function rollUpGb(organizations: number): number {
  const [combinations, values] = [input('combinations'), input('values')]
  const row = combinations * input('hourlyRowBytes') + values * input('sliceRowBytes') + input('totalsRowBytes')
  const [months, ofHours] = [input('monthsRun'), Math.min(input('monthsOfHours'), input('monthsRun'))]
  const hours = row * HOURS_A_MONTH * ofHours
  const days = (row * (months - ofHours) + values * input('sliceRowBytes') * months) * DAYS_A_MONTH
  return (organizations * (hours + days)) / 1e9
}

const redisGbSent = ({ use, count }: PricedAmount) => (use.redisRequests * count * input('redisKbPerRequest')) / 1e6
const redisGbStored = ({ organizations }: PricedAmount) => (organizations * input('redisKbPerOrganization')) / 1e6

/** Commands per month of jobs without any usage. */
export const JOB_COMMANDS = input('jobCommands') * 60 * HOURS_A_MONTH

const commandsOf = ({ use, count, hasJobs }: PricedAmount) => use.commands * count + (hasJobs ? JOB_COMMANDS : 0)

/** Commands in the busiest second. */
export const commandsAtPeak = ({ use, count }: PricedAmount) =>
  ((use.commands * count) / (HOURS_A_MONTH * 3_600)) * input('peaks')

interface RedisBill {
  readonly plan: string
  readonly price: number
}

export function payAsYouGo(priced: PricedAmount): RedisBill {
  const commands = (commandsOf(priced) / 1e5) * input('upstashPer100kCommands')
  const traffic = Math.max(0, redisGbSent(priced) - 200) * input('upstashPerGbSent')
  const storage = Math.max(0, redisGbStored(priced) - 1) * input('upstashPerGbMonth')
  return { plan: 'pay as you go', price: commands + traffic + storage }
}

const isEnough = (plan: RedisPlan, priced: PricedAmount) =>
  redisGbStored(priced) <= plan.gb &&
  redisGbSent(priced) <= plan.bandwidthGb &&
  commandsOf(priced) <= (plan.commands ?? Number.POSITIVE_INFINITY)

/** Selects the cheapest sufficient plan. More commands per second than one database takes need several databases. */
export function cheapestRedis(priced: PricedAmount): RedisBill {
  const databases = Math.ceil(commandsAtPeak(priced) / input('upstashPerSecond'))
  const share = { ...priced, count: priced.count / databases, organizations: priced.organizations / databases }
  const plans = REDIS_PLANS.filter((plan: RedisPlan) => isEnough(plan, share))
  const fixed = plans.map(({ name, price }) => ({
    plan: databases > 1 ? `${databases} x ${name} (not yet)` : name,
    price: price * databases,
  }))
  const [cheapest] = [payAsYouGo(priced), ...fixed].toSorted((a, b) => a.price - b.price)
  return cheapest as RedisBill
}

/** The total cost of this many verifications per month, with each provider's cheapest plan that runs a whole month. */
export function computeBill(priced: PricedAmount): Bill {
  const { use, count, organizations, hasJobs } = priced
  const gb = (bytes: number, months: number) =>
    ((bytes * count) / 1e9) * Math.min(months, input('monthsRun')) * input('neonPerGbMonth')
  const beyond = Math.max(0, count / 1e6 - 10)
  return {
    requests: input('workersPlan') + beyond * input('workersPerMillionRequests'),
    cpu: Math.max(0, (use.cpuMs * count) / 1e6 - 30) * input('workersPerMillionCpuMs'),
    redis: cheapestRedis(priced).price,
    compute: Math.max(LEAST_CU_HOURS, (use.postgresMs * count) / 3.6e6 / input('neonUse')) * input('neonPerCuHour'),
    events: gb(use.eventBytes, input('monthsKept')),
    dedupe: gb(use.dedupeBytes, input('monthsDeduped')),
    rollUps: hasJobs ? rollUpGb(organizations) * input('neonPerGbMonth') : 0,
  }
}

/** Jobs run every minute, so the database never suspends. */
export const LEAST_CU_HOURS = input('neonLeastCu') * HOURS_A_MONTH

export const total = (bill: Bill) => Object.values(bill).reduce((sum, part) => sum + part, 0)
