/** What verifications take, by what was measured, and what that costs, by the inputs. */

import type { Measured } from '../bench-measure.ts'
import type { Results } from '../results.ts'
import { input } from './cost-inputs.ts'

export const HOURS_A_MONTH = 730
const DAYS_A_MONTH = 30.4

/** Of one verification, on average. */
export interface Use {
  readonly cpuMs: number
  readonly redisRequests: number
  readonly commands: number
  readonly statements: number
  readonly postgresMs: number
  readonly eventBytes: number
  readonly dedupeBytes: number
}

/** So many verifications a month. */
interface Amount {
  readonly count: number
  readonly organizations: number
}

interface PricedAmount extends Amount {
  readonly use: Use
  readonly hasRollUps: boolean
}

export type Kind = 'busy' | 'quiet' | 'cold' | 'by hand'
export type Bill = Readonly<
  Record<'requests' | 'cpu' | 'commands' | 'traffic' | 'compute' | 'events' | 'dedupe' | 'rollUps', number>
>

/** At the rates of a deployment; bytes do not depend on rates, and are more exact of many. */
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

/** @param mix parts that make one together */
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

/** Gigabytes that roll-ups grow by in a month: by hours and what is told apart, not by verifications. */
export function rollUpGb(organizations: number): number {
  const [combinations, values] = [input('combinations'), input('values')]
  const anHour = combinations * input('hourlyRowBytes') + values * input('sliceRowBytes') + input('totalsRowBytes')
  const aDay = values * input('sliceRowBytes')
  return (organizations * (anHour * HOURS_A_MONTH + aDay * DAYS_A_MONTH)) / 1e9
}

/** Gigabytes a month between Workers and Redis. */
export const redisGbSent = ({ redisRequests }: Use, count: number) =>
  (redisRequests * count * input('redisKbPerRequest')) / 1e6

const redisGbStored = (organizations: number) => (organizations * input('redisKbPerOrganization')) / 1e6

/** What so many verifications a month cost beyond what is paid in any case. */
export function marginal({ use, count, organizations, hasRollUps }: PricedAmount): Bill {
  const gb = (bytes: number, months: number) =>
    ((bytes * count) / 1e9) * Math.min(months, input('monthsRun')) * input('neonPerGbMonth')
  return {
    requests: (count / 1e6) * input('workersPerMillionRequests'),
    cpu: ((use.cpuMs * count) / 1e6) * input('workersPerMillionCpuMs'),
    commands: ((use.commands * count) / 1e5) * input('upstashPer100kCommands'),
    traffic:
      redisGbSent(use, count) * input('upstashPerGbSent') + redisGbStored(organizations) * input('upstashPerGbMonth'),
    compute: ((use.postgresMs * count) / 3.6e6 / input('neonUse')) * input('neonPerCuHour'),
    events: gb(use.eventBytes, input('monthsKept')),
    dedupe: gb(use.dedupeBytes, input('monthsDeduped')),
    rollUps: hasRollUps ? rollUpGb(organizations) * input('monthsRun') * input('neonPerGbMonth') : 0,
  }
}

/** The same with what is paid in any case, and without what is included in that. */
export function whole(priced: PricedAmount): Bill {
  const { use, count, organizations } = priced
  const least = input('neonLeastCu') * HOURS_A_MONTH * input('neonPerCuHour')
  const bill = marginal(priced)
  return {
    ...bill,
    requests: input('workersPlan') + Math.max(0, bill.requests - 10 * input('workersPerMillionRequests')),
    cpu: Math.max(0, bill.cpu - 30 * input('workersPerMillionCpuMs')),
    traffic:
      Math.max(0, redisGbSent(use, count) - 200) * input('upstashPerGbSent') +
      Math.max(0, redisGbStored(organizations) - 1) * input('upstashPerGbMonth'),
    compute: Math.max(least, bill.compute),
  }
}

export const total = (bill: Bill) => Object.values(bill).reduce((sum, part) => sum + part, 0)
