import { problemIn } from '../db/client.ts'
import type { Counter } from '../db/schema/meters.ts'
import type { Deps } from '../deps.ts'
import type { CustomUse } from '../limits/meters/custom.ts'
import { RECHECK } from './claim-ids.ts'
import { completeRequests } from './complete.ts'
import { isOwn, type UsageEvent } from './event.ts'
import { FUNCTIONS, READ_OF_VERIFICATIONS } from './functions/names.ts'
import { hasReceipts, storeReceipts } from './spool-receipts.ts'

/**
 * The outcome of one event: counted now; the same as an event that was counted before; or left out, because its id was
 * used for a different event.
 */
export type Outcome = 'accepted' | 'duplicate' | 'conflict'

/** An organization's usage in one of its usage periods. Money is decimal text. */
export interface PeriodUsage extends Readonly<Record<Counter, number | string>> {
  readonly organization_id: string
  /** Unix milliseconds. */
  readonly period_start: number
  /** The calls among them that verifications counted in even and in odd generations (limits/scripts/quota.ts). */
  readonly even_calls: number | string
  readonly odd_calls: number | string
  /** The customers' charge for them, as decimal text. */
  readonly even_charges: string
  readonly odd_charges: string
  /** Custom counters, by slug, in whole units. */
  readonly custom?: Readonly<Record<string, CustomUse>> | null
}

export interface Written {
  /** The transaction: seeds of counters say whether they include its writes (limits/scripts/counter.ts). */
  readonly xid: number
  readonly sent: number
  /** Events that had not been counted before. */
  readonly accepted: number
  /** The outcome of each event, in the order sent. */
  readonly outcomes: readonly Outcome[]
  /** The sums of every period that the batch adds to. */
  readonly periods: readonly PeriodUsage[]
  /** Whether calls were charged. */
  readonly isCharged: boolean
}

/** The outcomes of events that were not counted, by their index. Null if the outcome is not known yet. */
type NotAccepted = readonly (readonly [number, Outcome | null])[]

interface Row {
  readonly xid: string
  readonly sent: number
  readonly accepted: number
  readonly others: NotAccepted
  readonly periods: readonly PeriodUsage[]
  readonly quantities: readonly CustomPeriodUse[]
  readonly charged: boolean
  /** Whether a report arrived before the verification that it completes. */
  readonly awaited: boolean
}

interface CustomPeriodUse {
  readonly organization_id: string
  readonly period_start: number
  readonly meter: string
  readonly used: CustomUse
}

/**
 * Writes events exactly once. Idempotent.
 *
 * @throws Problem `unavailable` when the database does not respond. It may have written the events; a retry is safe
 */
export async function writeUsage(deps: Deps, events: readonly UsageEvent[]): Promise<Written> {
  const { xid, sent, accepted, others, awaited, charged, ...used } = await runWrite(deps, events)
  if (hasReceipts()) deps.defer(storeReceipts(deps)) // Postgres is back
  const outcomes: Outcome[] = Array.from({ length: sent }, () => 'accepted')
  for (const [at, outcome] of await resolvePending(deps, events, others)) outcomes[at] = outcome ?? 'duplicate'
  if (awaited || events.some(({ completes }) => completes)) await completeRequests(deps, events)
  return { xid: Number(xid), sent, accepted, outcomes, periods: addCustom(used), isCharged: charged }
}

function addCustom({ periods, quantities }: Pick<Row, 'periods' | 'quantities'>): readonly PeriodUsage[] {
  if (quantities.length === 0) return periods
  return periods.map((period) => {
    const own = quantities.filter(
      ({ organization_id, period_start }) =>
        organization_id === period.organization_id && period_start === period.period_start,
    )
    return { ...period, custom: Object.fromEntries(own.map(({ meter, used }) => [meter, used])) }
  })
}

async function runWrite(deps: Deps, events: readonly UsageEvent[]): Promise<Row> {
  try {
    const name = events.every(isPlain) ? FUNCTIONS.recordVerifications : FUNCTIONS.recordUsage
    const [row] = (await deps.sql.query(`select * from ${name}($1)`, [JSON.stringify(events)])) as Row[]
    return row as Row
  } catch (error) {
    throw problemIn(error) ?? error
  }
}

/** An event with any field that is not read of verifications is written like any other usage. */
const isPlain = (event: UsageEvent) =>
  isOwn(event) && Object.entries(event).every(([name, value]) => READ_OF_VERIFICATIONS.has(name) || value == null)

/**
 * Rechecks ids that another batch claimed while this one ran. This is rare: two writers must send the same event at
 * once.
 */
async function resolvePending(deps: Deps, events: readonly UsageEvent[], others: NotAccepted): Promise<NotAccepted> {
  const open = others.flatMap(([at, outcome]) => (outcome === null ? [at] : []))
  if (open.length === 0) return others
  const asked = JSON.stringify(open.map((at) => events[at]))
  const [row] = (await deps.sql.query(RECHECK, [asked])) as Pick<Row, 'others'>[]
  return [...others, ...(row?.others ?? []).map(([at, outcome]) => [open[at] as number, outcome] as const)]
}
