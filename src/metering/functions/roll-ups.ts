/** The part of both statements that adds new events (`counted`) to every roll-up, and their result columns. */
import { COUNTERS, METERS, selectCounters } from '../../db/schema/meters.ts'
import { VERIFICATION } from '../event.ts'
import { addByHour, addTo, groupRows, MARK_LATE, PERIODS } from '../roll-up-sql.ts'
import type { BatchSums } from './sums.ts'

/** All counters of the row, including those that this batch adds nothing to. */
const COUNTED = selectCounters('known', String)

/**
 * CTEs from `deltas`, the sums of `placed` by hour, to the keys' last use.
 *
 * @param sliced each dimension with its value, for dimensions that the events can have
 */
export function addToRollUps({ counts, times, lanes }: BatchSums, sliced: readonly string[]): string {
  const ofPeriod = { ...counts, ...lanes }
  return `${addByHour({ ...counts, ...times }, sliced)}, periods as (${addTo('usage_periods', PERIODS, Object.keys(ofPeriod), `(${groupRows(PERIODS, ofPeriod, 'placed')}) as periods`)}, updated_at = now()
  returning organization_id, period_start, even_calls, odd_calls, even_charges, odd_charges, ${COUNTED}
), ${VERDICTS}${MARK_LATE}${KEYS}`
}

/** The number of verdicts, by day and code. */
const VERDICTS = `verdicts as (${addTo(
  'usage_verdicts',
  ['day', 'organization_id', 'code'],
  ['requests'],
  `(select (occurred_at at time zone 'UTC')::date as day, organization_id, coalesce(error_code, 'VALID') as code,
    sum(requests) as requests from counted where source = '${VERIFICATION}' group by 1, 2, 3) as decided`,
)}
), `

const KEYS = `keys as (
  insert into api_key_usage as known (key_id, organization_id, total_requests, last_used_at)
  select key_id, organization_id, sum(requests), max(occurred_at) from counted where key_id is not null
  group by 1, 2 order by 1
  on conflict (key_id) do update set total_requests = known.total_requests + excluded.total_requests,
    last_used_at = greatest(known.last_used_at, excluded.last_used_at)
)`

const SUMS = METERS.map((meter) => `'${meter}', ${meter}${COUNTERS[meter].isMoney ? '::text' : ''}`).join(', ')

/** Result columns of both: the outcome of the events (`judged`), and the sums of their periods. */
export const RESULT = `pg_current_xact_id()::text as xid, (select count(*) from incoming)::int as sent,
  (select count(*) from counted)::int as accepted,
  (select coalesce(jsonb_agg(jsonb_build_array(position - 1, outcome)), '[]') from judged
    where outcome is distinct from 'accepted') as others,
  (select coalesce(jsonb_agg(jsonb_build_object('organization_id', organization_id,
    'period_start', extract(epoch from period_start) * 1000, ${SUMS}, 'even_calls', even_calls, 'odd_calls', odd_calls,
    'even_charges', even_charges::text, 'odd_charges', odd_charges::text)), '[]') from periods) as periods`

/** Whether a report arrived before the verification that it completes. */
export const isAwaited = (requestId: string) => `exists (select 1 from incoming i join usage_completions c
    on c.organization_id = i.organization_id and c.request_id = ${requestId} where i.source = '${VERIFICATION}') as awaited`
