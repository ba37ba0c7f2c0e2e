/**
 * Processes the reports that wait for the verification of their request: it is not written yet, or the database did not
 * answer. Some have no verification, because the reporter chose the request id itself: after a day, these count as
 * requests of their own.
 */
import type { Deps } from '../deps.ts'
import { claimIds } from './claim-ids.ts'
import { NAMED } from './complete.ts'
import { FUNCTIONS } from './functions/names.ts'
import { addByHour, addTo, groupRows, MARK_LATE, ofSubjects, PERIODS, SLICED, SUBJECT_DAYS } from './roll-up-sql.ts'

/** Reports per run of the job. Later runs process the rest. */
export const BATCH_ROWS = 1_000
/** How many reports of one organization come before those of the others. */
const SHARE = 100

/**
 * Picks the reports of a run, and schedules their next attempt with backoff: after half the time that a report has
 * waited. It is committed separately, so that after a failed run the next one does not begin with the same reports.
 */
const PICK = `
with due as materialized (
  select organization_id, request_id from (
    select organization_id, request_id, tried_at, row_number() over (partition by organization_id order by tried_at) as place
    from usage_completions where tried_at <= now()) as ranked
  order by (place - 1) / ${SHARE}, tried_at limit ${BATCH_ROWS}
)
update usage_completions c set tried_at = now() + (now() - c.created_at) / 2
from due d where c.organization_id = d.organization_id and c.request_id = d.request_id
returning c.organization_id, c.request_id`

const CLAIM = (requestId: string) => `sha256(convert_to('completed ' || ${requestId}, 'UTF8'))`
const SUMS = { requests: 'sum(requests)', errors: 'sum(errors)' }
const NAMES = Object.keys(SUMS)

/**
 * Counts reports (`$1`) as requests if nobody verified the request for a day. Each request counts once: the statement
 * takes the claim under which the request would be moved. A corrected report stays as the correction left it.
 */
const COUNT = `
with waiting as materialized (
  ${NAMED} where c.created_at < now() - interval '1 day' and c.report_id is not null
), ${claimIds('claimed', `select distinct organization_id, ${CLAIM('request_id')}, sha256(''), null::timestamptz from waiting`)}, done as (
  delete from usage_completions c using waiting w where c.organization_id = w.organization_id and c.request_id = w.request_id
), counted as materialized (
  select e.*, w.is_error from waiting w
  join claimed k on k.organization_id = w.organization_id and k.key = ${CLAIM('w.request_id')}
  join usage_events e on e.organization_id = w.organization_id and e.occurred_at = w.report_at and e.id = w.report_id
  where e.requests = 0 and e.correction is null
), events as (
  update usage_events e set requests = 1
  from counted c where e.organization_id = c.organization_id and e.occurred_at = c.occurred_at and e.id = c.id
), placed as materialized (
  select c.organization_id, c.occurred_at, date_trunc('hour', c.occurred_at, 'UTC') as hour,
    usage_period_start(o.period_anchor, c.occurred_at) as period_start,
    coalesce(c.key_id, '00000000-0000-0000-0000-000000000000') as key_id, c.environment, c.endpoint, c.status_code,
    c.provider, c.model, c.route, c.subject, 1 as requests, case when c.is_error then 1 else 0 end as errors
  from counted c left join organizations o on o.id = c.organization_id
), ${addByHour(SUMS, SLICED)}, ${MARK_LATE}keys as (
  update api_key_usage known set total_requests = known.total_requests + used.requests
  from (select key_id, sum(requests) as requests from placed group by 1) as used where known.key_id = used.key_id
), subject_days as (${addTo('usage_subject_days', SUBJECT_DAYS, NAMES, `(${groupRows(SUBJECT_DAYS, SUMS, ofSubjects('placed'))}) as subjects`)}
), periods as (${addTo('usage_periods', PERIODS, NAMES, `(${groupRows(PERIODS, SUMS, 'placed')}) as periods`)}
)
select count(*)::int as counted from counted`

/** The job. @returns how many reports moved their request, how many were counted as one, and how many still wait */
export async function completeWaiting({ sql }: Deps) {
  const named = JSON.stringify(await sql.query(PICK))
  const [moved] = await sql.query(`select * from ${FUNCTIONS.completeRequests}($1)`, [named])
  const [alone] = await sql.query(COUNT, [named])
  const [completed, counted] = [moved?.completed as number, alone?.counted as number]
  return { completed, counted, waiting: (moved?.waiting as number) - counted }
}
