/**
 * Sums of all organizations together: what the operator's questions read. An hour is folded once it is over, from the
 * organizations' own sums; its day and month when they are over. No batch of usage waits for another one's row, as it
 * would if each added to one row of the whole platform.
 */
import type { Sql } from '../db/client.ts'
import { COUNTER_COLUMNS } from '../db/schema/meters.ts'
import { LATENCY_COLUMNS } from '../db/schema/rollups.ts'
import type { Deps } from '../deps.ts'
import { toMonth } from '../lib/period.ts'
import { DIMENSIONS } from './dimensions.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A batch folds so many hours, of one UTC day. Where that is too much for a statement's time, it folds one. */
const BATCH_HOURS = 6
/** No batch begins after this; the next minute's run goes on. */
export const RUN_MS = 20_000

const TIMES = ['response_time_ms_sum', 'response_time_count', ...LATENCY_COLUMNS]
const COLUMNS: readonly string[] = ['requests', 'errors', ...COUNTER_COLUMNS, ...TIMES]
const NAMES = COLUMNS.join(', ')
const SUMS = COLUMNS.map((name) => `sum(${name})`).join(', ')

/** What is folded by its values; the empty one is all usage. Keys belong to one organization each, which answers for them. */
const FOLDED = Object.entries(DIMENSIONS).filter(([dimension]) => dimension !== 'key')
const SLICED = [`('', '')`, ...FOLDED.map(([dimension, value]) => `('${dimension}', ${value})`)].join(', ')
const IN_DAYS = ['', ...FOLDED.map(([dimension]) => dimension), 'organization'].map((name) => `'${name}'`).join(', ')

/** The plan that an organization has now; none once it is gone. */
const WITH_PLAN = 'left join organizations o on o.id = of_one.organization_id'
const PLAN = `coalesce(o.plan_id, '')`

/** A second run waits here, and then finds the first one's work done. */
const ADVANCE = 'update usage_platform_progress set folded_until = greatest(folded_until, $1)'

/** Each statement sees more than the one before: what loses its mark here is folded by the later ones. */
const HOURS = [
  'delete from usage_late_hours where hour >= $1 and hour < $2',
  'delete from usage_platform_hours where hour >= $1 and hour < $2',
  `insert into usage_platform_hours (dimension, value, hour, plan_id, ${NAMES})
   select dimension, value, hour, ${PLAN}, ${SUMS} from usage_hourly of_one ${WITH_PLAN}, lateral (values ${SLICED}) as slice(dimension, value)
   where hour >= $1 and hour < $2 and (value <> '' or dimension = '') group by 1, 2, 3, 4`,
]

const DAY = [
  `delete from usage_platform_days where dimension in (${IN_DAYS}) and day >= $1::date and day < $2::date`,
  `insert into usage_platform_days (dimension, value, day, plan_id, ${NAMES})
   select dimension, value, (hour at time zone 'UTC')::date, plan_id, ${SUMS} from usage_platform_hours
   where hour >= $1 and hour < $2 group by 1, 2, 3, 4
   union all
   select 'organization', organization_id::text, (hour at time zone 'UTC')::date, ${PLAN}, ${SUMS} from usage_totals of_one ${WITH_PLAN}
   where hour >= $1 and hour < $2 group by 1, 2, 3, 4`,
]

const MONTH = [
  `delete from usage_platform_months where dimension in (${IN_DAYS}) and month >= $1::date and month < $2::date`,
  `insert into usage_platform_months (dimension, value, month, plan_id, ${NAMES})
   select dimension, value, date_trunc('month', day)::date, plan_id, ${SUMS} from usage_platform_days
   where dimension in (${IN_DAYS}) and day >= $1::date and day < $2::date group by 1, 2, 3, 4`,
]

/** In Unix milliseconds: until when hours are folded, before which they are over, and the first and last that are late. */
interface Progress {
  readonly until: number
  readonly over: number
  readonly first_late: number | null
  readonly last_late: number | null
}

const toMs = (moment: string) => `extract(epoch from ${moment})::float8 * 1000`

/** Late hours of a batch: those of a day, within a batch of the first. */
const PROGRESS = `
with progress as (
  select folded_until as until, date_trunc('hour', now() - interval '5 minutes', 'UTC') as over from usage_platform_progress
), late as (
  select min(hour) as first from usage_late_hours, progress where hour < until
)
select ${toMs('until')} as until, ${toMs('over')} as over, ${toMs('first')} as first_late,
  ${toMs(`(select max(hour) from usage_late_hours where hour < least(until, first + interval '${BATCH_HOURS} hours',
    date_trunc('day', first, 'UTC') + interval '1 day'))`)} as last_late
from progress, late`

/** Folds what is due: hours that are over, then those that late usage was added to. Twice is the same as once. */
export async function foldPlatformUsage({ sql }: Pick<Deps, 'sql'>) {
  const end = Date.now() + RUN_MS
  let mostHours = BATCH_HOURS
  for (let folded = 0; ; ) {
    const [progress] = (await sql.query(PROGRESS)) as [Progress]
    const span = selectHours(progress, mostHours)
    const behind = Math.max(0, progress.over - progress.until) / HOUR_MS
    if (!span || Date.now() > end) return { folded, behind }
    try {
      await foldHours(sql, span, Math.max(progress.until, span.to))
      folded += (span.to - span.from) / HOUR_MS
    } catch (error) {
      if (mostHours === 1) throw error
      mostHours = 1
    }
  }
}

interface Hours {
  readonly from: number
  readonly to: number
}

/** @returns the next hours to fold, of one day; undefined when nothing is due */
function selectHours({ until, over, first_late, last_late }: Progress, most: number): Hours | undefined {
  if (until < over) {
    const endOfDay = (Math.floor(until / DAY_MS) + 1) * DAY_MS
    return { from: until, to: Math.min(until + most * HOUR_MS, endOfDay, over) }
  }
  if (first_late === null || last_late === null) return undefined
  return { from: first_late, to: Math.min(first_late + most * HOUR_MS, last_late + HOUR_MS) }
}

/** @param until before which all hours are folded after this */
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
  await sql.transaction([sql.query(ADVANCE, [iso(until)]), ...queries])
}

const iso = (at: number) => new Date(at).toISOString()
