/**
 * How an isolate's counters reach Postgres: one row per isolate, overwritten at most every 10 s, alongside a batch of
 * usage or after a request that queried Postgres anyway. Rows contain totals, not differences, so a repeated write counts once.
 */
import type { Deps } from '../deps.ts'
import { errorFields, log, logHeld } from '../lib/log.ts'
import { snapshot } from './count.ts'

/** A busy isolate adds a statement to every hundredth batch or so. */
const FLUSH_MS = 10_000
/**
 * An isolate that has written nothing for this long begins a new row. The job adds up rows only after an hour
 * ({@link FOLD}), so a row that was added up is never written again.
 */
const RENEW_MS = 300_000

type Values = Readonly<Record<string, number>>

interface Series {
  readonly isolate: string
  /** The values in earlier rows of this isolate. */
  readonly base: Values
  /** When this row was begun or last confirmed, in Unix milliseconds. */
  aliveAt: number
  /** Numbers the writes, so that a late one does not undo a newer one. */
  flush: number
}

let series: Series | undefined
let confirmed: Values = {}
let flushedAt = Number.NEGATIVE_INFINITY

/** Writes the counters after the answer if 10 s have passed since the last time, and suppressed log lines. Never fails. */
export function flushWhenDue(deps: Deps): void {
  logHeld()
  const now = deps.now()
  if (now - flushedAt < FLUSH_MS && now >= flushedAt) return
  flushedAt = now
  deps.defer(flushNow(deps))
}

const WRITE = `
insert into metric_counters (isolate, flush, counters) values ($1, $2, $3::jsonb)
on conflict (isolate) do update set flush = excluded.flush, counters = excluded.counters, written_at = now()
where metric_counters.flush < excluded.flush`

/** Writes the counters now: best effort, because the next write includes them as well. */
export async function flushNow(deps: Deps): Promise<void> {
  const values = snapshot()
  const row = openSeries(deps.now())
  row.flush += 1
  try {
    await deps.sql.query(WRITE, [row.isolate, row.flush, JSON.stringify(subtract(values, row.base))])
  } catch (error) {
    log('warn', 'metrics_not_written', errorFields(error))
    return
  }
  row.aliveAt = deps.now()
  sendPoints(deps, subtract(values, confirmed))
  confirmed = values
}

function openSeries(now: number): Series {
  if (series && now - series.aliveAt < RENEW_MS) return series
  series = { isolate: crypto.randomUUID(), base: confirmed, aliveAt: now, flush: 0 }
  return series
}

const subtract = (values: Values, base: Values): Values =>
  Object.fromEntries(
    Object.entries(values)
      .map(([key, value]) => [key, value - (base[key] ?? 0)] as const)
      .filter(([, value]) => value !== 0),
  )

/** If Analytics Engine is bound, each counter's growth is a data point: no request waits, and nothing is sampled here. */
function sendPoints({ dataset }: Deps, growth: Values): void {
  for (const [key, value] of Object.entries(growth)) dataset?.writeDataPoint({ indexes: [key], doubles: [value] })
}

/** The row to which the job adds the rows of isolates that are gone. */
export const FOLDED = '00000000-0000-0000-0000-000000000000'

const FOLD = `
with gone as (
  delete from metric_counters where isolate <> $1::uuid and written_at < now() - interval '1 hour' returning counters
), sums as (
  select key, sum(value::numeric) as total from gone, jsonb_each_text(counters) as one (key, value) group by key
), folded as (
  insert into metric_counters (isolate, flush, counters)
  select $1::uuid, 1, jsonb_object_agg(key, total) from sums having count(*) > 0
  on conflict (isolate) do update set written_at = now(), flush = metric_counters.flush + 1, counters = (
    select jsonb_object_agg(key, total) from (
      select key, sum(value::numeric) as total from (
        select * from jsonb_each_text(metric_counters.counters) union all select * from jsonb_each_text(excluded.counters)
      ) as both_rows (key, value) group by key
    ) as added)
)
select count(*)::int as folded from gone`

/** Adds up the rows of isolates that are gone. One statement, so that a reader sees each row once. */
export async function foldCounters({ sql }: Deps): Promise<{ folded: number }> {
  const [row] = await sql.query(FOLD, [FOLDED])
  return { folded: row?.folded ?? 0 }
}

/** The counters of all isolates together. */
export async function readCounters({ sql }: Deps): Promise<Values> {
  const rows = await sql.query(
    `select key, sum(value::numeric)::float8 as total
     from metric_counters, jsonb_each_text(counters) as one (key, value) group by key`,
  )
  return Object.fromEntries(rows.map((row) => [String(row.key), Number(row.total)]))
}
