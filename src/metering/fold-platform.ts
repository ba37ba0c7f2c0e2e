/**
 * Sums over all organizations, which the operator's queries read. An hour is folded once it is over, from the
 * organizations' own sums; its day and month when they are over. If every batch added to one row of the whole platform,
 * batches would wait for each other; this way none does.
 */

import type { Sql } from '../db/client.ts'
import { familyIn } from '../db/plan-version.ts'
import { COUNTER_COLUMNS } from '../db/schema/meters.ts'
import { LATENCY_COLUMNS } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { toMonth } from '../lib/period.ts'
import { DIMENSIONS } from './dimensions.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Hours that one batch folds, within one UTC day. If that exceeds a statement's timeout, it folds one. */
const BATCH_HOURS = 6
/** No batch begins after this; the next minute's run continues. */
export const RUN_MS = 20_000
/** Each also folds a day and a month again. */
export const MAX_LATE_BATCHES = 10
/** Late usage comes in bursts: its hour is folded once the burst is over, or has lasted too long. */
const QUIET = `interval '5 minutes'`
const MAX_WAIT = `interval '1 hour'`

const TIMES = ['response_time_ms_sum', 'response_time_count', ...LATENCY_COLUMNS]
const COLUMNS: readonly string[] = ['requests', 'errors', ...COUNTER_COLUMNS, ...TIMES]
const NAMES = COLUMNS.join(', ')
const SUMS = COLUMNS.map((name) => `sum(${name})`).join(', ')

/** The dimensions that are folded by value; the empty one is all usage. Keys are excluded: each belongs to one organization, whose own sums are read. */
const FOLDED = Object.entries(DIMENSIONS).filter(([dimension]) => dimension !== 'key')
const SLICED = [`('', '')`, ...FOLDED.map(([dimension, value]) => `('${dimension}', ${value})`)].join(', ')
const IN_DAYS = ['', ...FOLDED.map(([dimension]) => dimension), 'organization'].map((name) => `'${name}'`).join(', ')

/** One run at a time. A second run waits here, and then finds the work of the first done. */
const LOCK = 'update usage_platform_progress set folded_until = folded_until'
const ADVANCE = 'update usage_platform_progress set folded_until = greatest(folded_until, $1)'

/** The plan that an organization's usage counts for in an hour; null before its first. */
const planIn = (organization: string, hour: string) => `(
  select plan_id from usage_platform_plans p where p.organization_id = ${organization} and p.since <= ${hour} order by p.since desc limit 1)`

/** When hours are folded for the first time: stores the plan of every organization, if it differs from the previous one. */
const NOTE_PLANS = `
insert into usage_platform_plans (organization_id, since, plan_id)
select present.id, $1::timestamptz, present.plan_id from usage_platform_progress, (
  select id, ${familyIn('plan_id')} as plan_id from organizations
  union
  select organization_id, '' from usage_totals t
  where hour >= $1::timestamptz and hour < $2 and not exists (select 1 from organizations o where o.id = t.organization_id)) as present
where $1::timestamptz >= folded_until and ${planIn('present.id', '$1::timestamptz')} is distinct from present.plan_id
on conflict do nothing`

/** For an organization whose first usage came late: its current plan. */
const NOTE_LATE_PLANS = `
insert into usage_platform_plans (organization_id, since, plan_id)
select distinct on (t.organization_id) t.organization_id, t.hour, coalesce(${familyIn('o.plan_id')}, '')
from usage_totals t left join organizations o on o.id = t.organization_id
where t.hour >= $1 and t.hour < $2 and ${planIn('t.organization_id', 't.hour')} is null
order by t.organization_id, t.hour
on conflict do nothing`

/** Each statement sees more than the one before: an hour that loses its mark here is folded by the later statements. */
const HOURS = [
  'delete from usage_late_hours where hour >= $1 and hour < $2',
  NOTE_PLANS,
  NOTE_LATE_PLANS,
  'delete from usage_platform_hours where hour >= $1 and hour < $2',
  `insert into usage_platform_hours (dimension, value, hour, plan_id, ${NAMES})
   select dimension, value, hour, plan_id, ${SUMS} from usage_hourly
   join (select organization_id, hour, coalesce(${planIn('t.organization_id', 't.hour')}, '') as plan_id
     from usage_totals t where hour >= $1 and hour < $2) as planned
     using (organization_id, hour), lateral (values ${SLICED}) as slice(dimension, value)
   where hour >= $1 and hour < $2 and (value <> '' or dimension = '') group by 1, 2, 3, 4`,
]

const DAY = [
  `delete from usage_platform_days where dimension in (${IN_DAYS}) and day >= $1::date and day < $2::date`,
  `insert into usage_platform_days (dimension, value, day, plan_id, ${NAMES})
   select dimension, value, (hour at time zone 'UTC')::date, plan_id, ${SUMS} from usage_platform_hours
   where hour >= $1 and hour < $2 group by 1, 2, 3, 4
   union all
   select 'organization', organization_id::text, (hour at time zone 'UTC')::date, coalesce(${planIn('t.organization_id', 't.hour')}, ''), ${SUMS} from usage_totals t
   where hour >= $1 and hour < $2 group by 1, 2, 3, 4`,
]

const MONTH = [
  `delete from usage_platform_months where dimension in (${IN_DAYS}) and month >= $1::date and month < $2::date`,
  `insert into usage_platform_months (dimension, value, month, plan_id, ${NAMES})
   select dimension, value, date_trunc('month', day)::date, plan_id, ${SUMS} from usage_platform_days
   where dimension in (${IN_DAYS}) and day >= $1::date and day < $2::date group by 1, 2, 3, 4`,
]

/** In Unix milliseconds: until when hours are folded, until when they are over, and the first and last late ones that are due. */
interface Progress {
  readonly until: number
  readonly over: number
  readonly first_late: number | null
  readonly last_late: number | null
}

const toMs = (moment: string) => `extract(epoch from ${moment})::float8 * 1000`

/** Late hours of a batch: the one that has waited longest, and those that follow it on the same day, up to a batch. */
const PROGRESS = `
with progress as (
  select folded_until as until, date_trunc('hour', now() - interval '5 minutes', 'UTC') as over from usage_platform_progress
), due as (
  select hour, min(noted_at) as since from usage_late_hours, progress where hour < until
  group by hour having max(noted_at) <= now() - ${QUIET} or min(noted_at) <= now() - ${MAX_WAIT}
), late as (
  select (select hour from due order by since, hour limit 1) as first
)
select ${toMs('until')} as until, ${toMs('over')} as over, ${toMs('first')} as first_late,
  ${toMs(`(select max(hour) from due where hour >= first and hour < least(until, first + interval '${BATCH_HOURS} hours',
    date_trunc('day', first, 'UTC') + interval '1 day'))`)} as last_late
from progress, late`

/**
 * Folds hours that are due: hours that are over, then those to which late usage was added. Idempotent.
 *
 * @returns the number of hours; `late` of them were folded again
 */
export async function foldPlatformUsage({ sql }: Pick<Deps, 'sql'>) {
  const end = Date.now() + RUN_MS
  let mostHours = BATCH_HOURS
  let lateBatches = 0
  for (let folded = 0, late = 0; ; ) {
    const [progress] = (await sql.query(PROGRESS)) as [Progress]
    const span = selectHours(progress, mostHours)
    const behind = Math.max(0, progress.over - progress.until) / HOUR_MS
    if (!span || Date.now() > end || (span.isLate && lateBatches >= MAX_LATE_BATCHES)) return { folded, late, behind }
    try {
      await foldHours(sql, span, Math.max(progress.until, span.to))
      const hours = (span.to - span.from) / HOUR_MS
      folded += hours
      late += span.isLate ? hours : 0
      lateBatches += span.isLate ? 1 : 0
    } catch (error) {
      if (mostHours === 1) throw error
      mostHours = 1
    }
  }
}

interface Hours {
  readonly from: number
  readonly to: number
  /** Whether they were folded before. */
  readonly isLate: boolean
}

/** @returns the next hours to fold, of one day; undefined when nothing is due */
function selectHours({ until, over, first_late, last_late }: Progress, most: number): Hours | undefined {
  if (until < over) {
    const endOfDay = (Math.floor(until / DAY_MS) + 1) * DAY_MS
    return { from: until, to: Math.min(until + most * HOUR_MS, endOfDay, over), isLate: false }
  }
  if (first_late === null || last_late === null) return undefined
  return { from: first_late, to: Math.min(first_late + most * HOUR_MS, last_late + HOUR_MS), isLate: true }
}

/** @param until all hours before this are folded afterwards */
async function foldHours(sql: Sql, { from, to }: Hours, until: number): Promise<void> {
  const day = Math.floor(from / DAY_MS) * DAY_MS
  const month = toMonth(day)
  const spans = [
    [HOURS, from, to],
    [DAY, day, day + DAY_MS],
    [MONTH, month.start, month.end],
  ] as const
  const due = spans.filter(([steps, , end]) => steps === HOURS || end <= until)
  const queries = due.flatMap(([steps, ...bounds]) => steps.map((step) => sql.query(step, bounds.map(iso))))
  await sql.transaction([sql.query(LOCK), ...queries, sql.query(ADVANCE, [iso(until)])])
}

const iso = (at: number) => new Date(at).toISOString()
