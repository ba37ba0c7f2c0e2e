/**
 * Completes verified requests with reports. A verification counts its request before the outcome is known, under status
 * 200 and no model. The first report that names the request moves it: its raw event, and its part of the sums. If that
 * report is an error, the request counts as one error.
 */
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { claimIds, selectId } from './claim-ids.ts'
import { DIMENSIONS } from './dimensions.ts'
import { type UsageEvent, VERIFICATION } from './event.ts'
import { FUNCTIONS } from './functions/names.ts'
import {
  addTo,
  DAILY_SLICES,
  groupRows,
  HOURLY,
  MARK_LATE,
  METER_HOURS,
  ofSubjects,
  PERIODS,
  SLICES,
  SUBJECT_DAYS,
  sumColumns,
  TOTALS,
} from './roll-up-sql.ts'

/** The columns that a verification adds to sums. */
const ADDED = ['requests', 'api_calls', 'charge_usd']
const MOVED = [...ADDED, 'errors']
const SUMS = sumColumns(MOVED)

/** A request moves between the values of some dimensions. In the others, only its error may be added or removed. */
const SLICED = Object.entries(DIMENSIONS)
  .map(([name, value]) => `('${name}', ${value})`)
  .join(', ')

/** The errors of a request before and after it is completed. */
const FAILED = 'case when status_code >= 400 then requests else 0 end'
const FAILS = 'case when fails then requests else 0 end'

const placed = (sign: string, columns: readonly string[], errors: string) =>
  `select organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, ${columns.join(', ')}, ${ADDED.map((name) => `${sign}coalesce(${name}, 0) as ${name}`).join(', ')}, ${sign}${errors} as errors from moved`
/** Selects only rows that change a sum: in most dimensions a request stays where it is. */
const changing = (rows: string, sums: readonly string[]) =>
  `select * from (${rows}) as summed where ${sums.map((name) => `${name} <> 0`).join(' or ')}`
const ERRORS = { errors: 'sum(errors)' }
/** In sums without dimensions, only the errors change. */
const addErrors = (table: string, keys: readonly string[], from: string) =>
  addTo(table, keys, ['errors'], `(${changing(groupRows(keys, ERRORS, from), ['errors'])}) as errors`)
const CHANGED = `(select m.*, ${FAILS} - ${FAILED} as errors, usage_period_start(o.period_anchor, m.occurred_at) as period_start
  from moved m left join organizations o on o.id = m.organization_id) as changed`
/** The same for custom counters that the verification consumed. */
const placedAmounts = (sign: string, columns: readonly string[]) =>
  `select moved.organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, m.slug as meter, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, ${columns.join(', ')}, ${sign}round(quantity.value::numeric, m.scale) as amount
  from moved cross join lateral jsonb_each_text(moved.quantities) as quantity(slug, value) join meters m on m.slug = quantity.slug and m.kind = 'counter'`
const FROM = ['status_code', 'provider', 'model', 'route']
const TO = FROM.map((name) => `to_${name} as ${name}`)

/** The time in an id that was assigned here: a verification was decided then, or a little later. */
const GIVEN_AT = `(timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond')`
/** Reports under ids of verifications have times with microseconds. */
const findOwn = (from: string, to: string) => `(select e.occurred_at from usage_events e
    where e.organization_id = w.organization_id and e.id = w.event_id and date_trunc('milliseconds', e.occurred_at) = e.occurred_at
      and e.occurred_at between ${GIVEN_AT} - interval '${from}' and ${GIVEN_AT} + interval '${to}' limit 1)`
/** The raw event of a request's own id. The cost grows with the organization's events in the span, so spans are tried from short to long. */
const FIND_OWN = `case when w.is_own then coalesce(${findOwn('0', '0')}, ${findOwn('0', '250 milliseconds')}, ${findOwn('2 seconds', '30 seconds')}) end`

const COMPLETED = `select distinct organization_id, sha256(convert_to('completed ' || id, 'UTF8')), sha256(''), null::timestamptz
    from found where error_code is null`

/**
 * Moves each request once. `moved` claims the verification's id, so that of two concurrent runs, two reports, or two
 * ids of one request, only one has an effect. Found requests are removed from the waiting rows. A refused request stays
 * where it is.
 *
 * Postgres runs the last of these additions first: in the order in which a batch of usage locks the tables.
 *
 * @param waiting SQL of the rows of `usage_completions` to process
 */
export const complete = (waiting: string) => `
with waiting as materialized (
  select c.*, coalesce(r.event_id, c.request_id) as event_id, r.event_id is null as is_own from (${waiting}) as c
  left join usage_request_ids r on r.organization_id = c.organization_id and r.request_id = c.request_id
), located as materialized (
  select w.*, coalesce(${FIND_OWN}, (select d.occurred_at from (
    ${selectId('w.organization_id', `sha256(convert_to('${VERIFICATION} ' || w.event_id, 'UTF8'))`)}) as d)) as happened_at
  from waiting w
), found as materialized (
  select e.*, w.request_id, w.created_at, coalesce(nullif(w.status_code, 0), e.status_code) as to_status_code,
    coalesce(nullif(w.provider, ''), e.provider) as to_provider, coalesce(nullif(w.model, ''), e.model) as to_model,
    coalesce(nullif(w.route, ''), e.route) as to_route,
    w.is_error or (w.status_code = 0 and e.status_code >= 400) as fails
  from located w
  join usage_events e on e.organization_id = w.organization_id and e.occurred_at = w.happened_at and e.id = w.event_id
), ${claimIds('claimed', COMPLETED)}, moved as materialized (
  select distinct on (f.organization_id, f.id) f.* from found f
  join claimed c on c.organization_id = f.organization_id and c.key = sha256(convert_to('completed ' || f.id, 'UTF8'))
  order by f.organization_id, f.id, f.created_at, f.request_id
), events as (
  update usage_events e set status_code = m.to_status_code, provider = m.to_provider, model = m.to_model, route = m.to_route
  from moved m where e.organization_id = m.organization_id and e.occurred_at = m.occurred_at and e.id = m.id
), done as (
  delete from usage_completions c using found f where c.organization_id = f.organization_id and c.request_id = f.request_id
), deltas as materialized (
  ${changing(groupRows(HOURLY, SUMS, `(${placed('-', FROM, FAILED)} union all ${placed('', TO, FAILS)}) as placed`), MOVED)}
), ${MARK_LATE}slices as materialized (
  ${changing(groupRows(SLICES, SUMS, `deltas, lateral (values ${SLICED}) as slice(dimension, value) where value <> ''`), MOVED)}
), hourly as (${addTo('usage_hourly', HOURLY, MOVED, 'deltas')}
), totals as (${addErrors('usage_totals', TOTALS, 'deltas')}
), hourly_slices as (${addTo('usage_slices', SLICES, MOVED, 'slices')}
), daily_slices as (${addTo('usage_daily_slices', DAILY_SLICES, MOVED, `(${groupRows(DAILY_SLICES, SUMS, DAYS)}) as days`)}
), meter_hours as (${addTo('usage_meter_hourly', METER_HOURS, ['amount'], `(${groupRows(METER_HOURS, { amount: 'sum(amount)' }, `(${placedAmounts('-', FROM)} union all ${placedAmounts('', TO)}) as placed`)}) as sums`)}
), subject_days as (${addErrors('usage_subject_days', SUBJECT_DAYS, ofSubjects(CHANGED))}
), periods as (${addErrors('usage_periods', PERIODS, CHANGED)}
)
select (select count(*) from moved)::int as completed, (select count(*) from waiting)::int - (select count(*) from found)::int as waiting`

const DAYS = `(select *, (hour at time zone 'UTC')::date as day from slices) as dated`

/** The rows that `$1` names, in the database function. */
export const NAMED = `select c.* from usage_completions c
  join jsonb_to_recordset($1::jsonb) as named(organization_id uuid, request_id text)
  on named.organization_id = c.organization_id and named.request_id = c.request_id`

/**
 * Moves the requests that a batch completes or verifies, once the batch is written. Never fails: the job retries the
 * rest, within a minute at first, then with backoff.
 */
export async function completeRequests(deps: Deps, events: readonly UsageEvent[]): Promise<void> {
  const named = events.flatMap(({ organization_id, completes, source, request_id, id }) => {
    const request = completes ?? (source === VERIFICATION ? (request_id ?? id) : undefined)
    return request === undefined ? [] : [{ organization_id, request_id: request.toLowerCase() }]
  })
  try {
    await deps.sql.query(`select * from ${FUNCTIONS.completeRequests}($1)`, [JSON.stringify(deduplicate(named))])
  } catch (error) {
    log('warn', 'completion_deferred', errorFields(error))
  }
}

const deduplicate = <T extends object>(rows: readonly T[]) => [
  ...new Map(rows.map((row) => [JSON.stringify(row), row])).values(),
]
