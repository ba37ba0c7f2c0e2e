/** What one organization was really granted in a random history, beside what the stores count (test/isolates/metering/simulation.test.ts). */
import { expect } from 'vitest'
import { selectCounters } from '../../src/db/schema/meters.ts'
import type { Deps } from '../../src/deps.ts'
import { toMonth } from '../../src/lib/period.ts'
import { holdsKey, quotaKey } from '../../src/limits/limit-request.ts'
import { reconcile } from '../../src/metering/reconcile-counters.ts'
import { drainUsageSpool } from '../../src/metering/spool.ts'
import type { PeriodUsage } from '../../src/metering/write.ts'
import { ingestUsage } from '../../src/usage/reporting/ingest.ts'
import type { Settlement, Step, World } from './account-histories.ts'
import { newKeyHolder, setLimits } from './http.ts'
import type { Isolate } from './isolate.ts'
import { readQuota } from './quota.ts'

/** Units that count in a period: of one event. */
interface Counted {
  readonly id: string
  readonly period: string
  readonly units: number
}

interface Call extends Counted {
  readonly by: Isolate
}

/** A request that is repeated until it is known to have arrived. */
interface Told extends Counted {
  readonly tell: (by: Isolate) => Promise<string | undefined>
  isKnown: boolean
}

interface Hold {
  readonly id: string
  readonly period: string
  readonly units: number
}

export const sumUnits = (counted: readonly { readonly units: number }[]) =>
  counted.reduce((sum, { units }) => sum + units, 0)

const SELECT_PERIODS = `
select organization_id, extract(epoch from period_start)::float8 * 1000 as period_start, even_calls, odd_calls, even_charges, odd_charges,
  ${selectCounters('usage_periods', String)}
from usage_periods where organization_id = $1`

/** Whether a store did not answer; also as another instance of the modules, or a driver, says so. */
function isUnavailable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, cause, sourceError } = error as { code?: unknown; cause?: unknown; sourceError?: unknown }
  return code === 'unavailable' || isUnavailable(cause) || isUnavailable(sourceError)
}

/** @returns undefined where a store did not answer */
const answerOf = <T>(work: Promise<T>) =>
  work.catch((error: unknown) => {
    if (isUnavailable(error)) return undefined
    throw error
  })

/** An organization of its own with one key, and everything it is granted, reports and settles. */
export async function openAccount(isolates: readonly [Isolate, ...Isolate[]], world: World) {
  const [first] = isolates
  const { key, organizationId } = await newKeyHolder()
  await setLimits(organizationId, {
    rate_limit_per_minute: world.ratePerMinute,
    api_calls: world.quota,
    tokens: world.tokens,
  })
  const stores = { ...first.deps() } // of its own: the first isolate may die
  const deps = (): Deps => ({ ...stores, now: first.now, redisAheadMs: first.aheadMs() })
  const calls: Call[] = []
  const holds: Hold[] = []
  const reports: Told[] = []
  const settlements: Told[] = []
  /** Of an isolate that died before they were stored anywhere, or logged in full. */
  const mayBeLost = new Set<string>()
  for (const [at, isolate] of isolates.entries()) isolate.skew(world.skews[at] ?? 0)

  async function take(isolate: Isolate, cost: number) {
    const verdict = await answerOf(isolate.verify(key, { cost }))
    if (!verdict?.valid) return
    const end = Date.parse(verdict.quotas['api_calls']?.resets_at ?? '')
    calls.push({ id: verdict.request_id, by: isolate, units: cost, period: toMonth(end - 1).name })
  }

  async function hold(isolate: Isolate, { tokens, seconds }: NonNullable<Step['reserve']>) {
    const asked = { organization_id: organizationId, tokens, expires_in_seconds: seconds }
    const held = await answerOf(isolate.reserve(asked))
    if (!held?.granted) return
    const { reservation_id: id } = held
    holds.push({ id, period: id.split('_')[2] ?? '', units: held.held['tokens'] ?? 0 })
  }

  async function settle(isolate: Isolate, { which, part, times }: Settlement) {
    const [held] = holds.splice(which % Math.max(1, holds.length), 1)
    if (!held) return []
    const units = Math.round(held.units * part)
    const used = part === 0 ? { cancel: true } : { input_tokens: units }
    const tell = async (by: Isolate) => (await answerOf(by.settle({ reservation_id: held.id, ...used })))?.outcome
    const told = { id: held.id, period: held.period, units, tell, isKnown: false }
    settlements.push(told)
    const outcomes = await Promise.all(Array.from({ length: times }, () => tell(isolate)))
    told.isKnown = outcomes.every((outcome) => outcome !== undefined)
    return outcomes
  }

  async function report({ calls: units, times }: NonNullable<Step['report']>) {
    const id = crypto.randomUUID()
    const at = first.now()
    const event = { id, organization_id: organizationId, api_calls: units, timestamp: new Date(at).toISOString() }
    const tell = async () =>
      (await answerOf(ingestUsage(deps(), { events: [event] }, { organizationId: null }))) && 'told'
    const told = { id, period: toMonth(at).name, units, tell, isKnown: false }
    reports.push(told)
    const outcomes = await Promise.all(Array.from({ length: times }, tell))
    told.isKnown = outcomes.every((outcome) => outcome !== undefined)
  }

  /** A caller without a response repeats the request until it gets one. */
  async function tellAgain(by: Isolate) {
    for (const told of [...reports, ...settlements]) {
      if (!told.isKnown) expect((await told.tell(by)) ?? 'unanswered', 'told again').not.toMatch(/unanswered|conflict/)
      told.isKnown = true
    }
  }

  async function readPeriods() {
    const rows = await stores.sql.query(SELECT_PERIODS, [organizationId])
    return rows as PeriodUsage[]
  }

  /** What Postgres holds, by period. */
  async function readRecorded() {
    const rows = await readPeriods()
    const sums = rows.map(
      (row) => [toMonth(row.period_start).name, { calls: Number(row.api_calls), tokens: Number(row.tokens) }] as const,
    )
    return new Map(sums)
  }

  async function readSpool(): Promise<string> {
    return JSON.stringify(await stores.redis.shared.lrange('usage:spool', 0, -1))
  }

  /** The job limited to this organization: nobody else has its clock. */
  async function reconcileOwn() {
    const isSpoolEmpty = !(await readSpool()).includes(organizationId)
    for (const used of await readPeriods()) await reconcile(deps(), used, { wasAllWritten: isSpoolEmpty })
  }

  /** A failed run is followed by another. */
  const twice = (job: () => Promise<unknown>) => Promise.allSettled([job(), job()])

  const readStored = async () => {
    const rows = await stores.sql.query('select id from usage_events where organization_id = $1', [organizationId])
    return rows.map(({ id }) => id as string)
  }

  async function die(isolate: Isolate) {
    isolate.die()
    const [stored, spool] = await Promise.all([readStored(), readSpool()])
    const known = new Set(stored)
    for (const { id, by } of calls) if (by === isolate && !known.has(id) && !spool.includes(id)) mayBeLost.add(id)
  }

  /** What Redis holds of a period; undefined where it has nothing of it. */
  async function readCounter(period: string) {
    const [counter, open] = await Promise.all([
      readQuota(stores.redis.of(organizationId), quotaKey(organizationId, period)),
      stores.redis.of(organizationId).hlen(holdsKey(organizationId, period)),
    ])
    if (!counter?.['born']) return undefined
    return { calls: counter['api_calls'] ?? 0, tokens: counter['tokens'] ?? 0, held: counter['held:tokens'] ?? 0, open }
  }

  return {
    take,
    hold,
    settle,
    report,
    tellAgain,
    die,
    drain: () => twice(() => drainUsageSpool(deps())),
    reconcile: () => twice(reconcileOwn),
    readRecorded,
    readStored,
    readCounter,
    calls: calls as readonly Call[],
    reports: reports as readonly Counted[],
    settlements: settlements as readonly Counted[],
    /** From the log: what was written into it is nowhere else. */
    markLogged: (ids: readonly string[]) => {
      for (const id of ids) mayBeLost.add(id)
    },
    mayBeLost,
  }
}

export type Account = Awaited<ReturnType<typeof openAccount>>
