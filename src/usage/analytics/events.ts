import type { Sql } from '../../db/client.ts'
import { isMoneyColumn, MONEY_COLUMNS, type MoneyColumn } from '../../db/schema/meters.ts'
import { toIso } from '../../lib/iso.ts'
import { KIND_COLUMNS, REPORTED_COLUMNS } from '../../metering/functions/sums.ts'
import { asAnswered, isShown, readColumn } from './columns.ts'
import { buildConditions, type Filter, namedIn } from './filter.ts'
import { readRows } from './read.ts'
import { type Span } from './span.ts'

export interface EventFilter extends Filter {
  readonly id?: string | undefined
  /** Who used the key, as the operator names them. */
  readonly subject?: string | undefined
  readonly errorsOnly?: boolean
}

/** The end of a page: an event's time to the microsecond, and its id. */
export interface Place {
  readonly occurredAt: string
  readonly id: string
}

/** Columns of a raw event, in the order of the CSV. */
const EVENT_COLUMNS = [
  'id',
  'occurred_at',
  'key_id',
  'user_id',
  'environment',
  'subject',
  'endpoint',
  'method',
  'status_code',
  'response_time_ms',
  'requests',
  ...REPORTED_COLUMNS.filter((name) => !isMoneyColumn(name)),
  ...KIND_COLUMNS,
  'provider',
  'model',
  ...MONEY_COLUMNS,
  'route',
  'ip',
  'user_agent',
  'error_code',
  'error_message',
  'metadata',
  'correction',
  'quantities',
] as const satisfies readonly (keyof EventRow)[]

/** The event before the correction; an erased subject is null. */
const ORIGINAL = `(correction -> 'original') || case when correction #>> '{original,subject}' = '' then '{"subject":null}' else '{}' end::jsonb`
/** The correction without its changes of limits. */
const FOR_OPERATORS = `correction - 'counts' || jsonb_build_object('original', ${ORIGINAL}) as correction`
/** Also without who corrected it, and with the customer's charge as the cost. */
const FOR_CUSTOMERS = `correction - '{corrected_by,counts}'::text[] || jsonb_build_object('original',
  (${ORIGINAL}) - 'charge_usd' || jsonb_build_object('cost_usd', correction -> 'original' -> 'charge_usd')) as correction`

/** Times are text, because a JavaScript date would lose the microseconds that separate pages. */
const asSelected = (seesCosts: boolean): Readonly<Record<string, string>> => ({
  subject: `nullif(subject, '') as subject`,
  occurred_at: `to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as occurred_at`,
  correction: seesCosts ? FOR_OPERATORS : FOR_CUSTOMERS,
  ...Object.fromEntries(
    [...REPORTED_COLUMNS, ...KIND_COLUMNS, ...MONEY_COLUMNS].map((name) => [
      name,
      asAnswered(name, readColumn(name, seesCosts)),
    ]),
  ),
})

/** The columns that are shown. @param seesCosts whether the operator reads them */
export const listColumns = (seesCosts: boolean) => EVENT_COLUMNS.filter((name) => isShown(name, seesCosts))

/** The same columns as SQL. */
export const selectColumns = (seesCosts: boolean) =>
  listColumns(seesCosts)
    .map((name) => asSelected(seesCosts)[name] ?? name)
    .join(', ')

type ReportedColumn = (typeof REPORTED_COLUMNS)[number]
type EventAmounts = Record<Exclude<ReportedColumn, MoneyColumn> | (typeof KIND_COLUMNS)[number], number> &
  Record<MoneyColumn, string | null>

/** How the operator voided or replaced an event, and what it was before. */
interface EventCorrection {
  readonly void: boolean
  readonly reason: string
  readonly corrected_at: string
  readonly original: Record<string, unknown>
}

/** A stored event in its wire form. */
export interface EventRow extends Readonly<EventAmounts> {
  readonly id: string
  /** ISO 8601 with microseconds. */
  readonly occurred_at: string
  readonly key_id: string | null
  readonly user_id: string | null
  readonly environment: string
  readonly subject: string | null
  readonly endpoint: string
  readonly method: string
  readonly status_code: number
  readonly response_time_ms: number | null
  readonly requests: number
  readonly provider: string
  readonly model: string
  readonly route: string
  readonly ip: string | null
  readonly user_agent: string | null
  readonly error_code: string | null
  readonly error_message: string | null
  readonly metadata: Record<string, unknown> | null
  readonly correction: EventCorrection | null
  /** Amounts of custom meters, by slug. */
  readonly quantities: Record<string, number> | null
}

interface Query {
  readonly span: Span
  readonly filter: EventFilter
  readonly after?: Place | undefined
  readonly limit: number
  /** Whether the operator reads it, who sees what providers charge. */
  readonly seesCosts?: boolean | undefined
}

/**
 * Raw events, newest first. The roll-ups show which hours can contain a match. Only those are searched, one by one and
 * until the page is full, so a rare event of last month is found without reading the whole month. The time bounds let
 * Postgres skip the other partitions.
 */
export async function listEvents(
  sql: Sql,
  organizationId: string,
  { span, filter, after, limit, seesCosts = false }: Query,
): Promise<EventRow[]> {
  const parameters: unknown[] = [organizationId, toIso(span.from), after?.occurredAt ?? toIso(span.to), limit]
  const named = buildConditions(filter, parameters)
  const matches = [
    named,
    filter.id === undefined ? '' : `and id = $${parameters.push(filter.id)}`,
    filter.subject === undefined ? '' : `and subject = $${parameters.push(filter.subject)}`,
    filter.errorsOnly ? 'and (status_code >= 400 or error_code is not null)' : '',
    after ? `and (occurred_at, id) < ($3::timestamptz, $${parameters.push(after.id)})` : 'and occurred_at < $3',
  ].join(' ')
  const hour = isCombined(filter) ? 'known.held' : 'hours.hour'
  const statement = `
with hours as materialized (
  ${selectHours(filter, parameters)}
), page as (
  select event.* from (select hour from hours order by hour desc) as hours
  ${holdingAll(filter, named)}
  cross join lateral (
    select * from usage_events
    where organization_id = $1 and occurred_at >= ${hour} and occurred_at < ${hour} + interval '1 hour'
      and occurred_at >= $2 and occurred_at <= $3 ${matches}
    order by occurred_at desc, id desc limit $4
  ) as event limit $4
)
select ${selectColumns(seesCosts)} from page order by page.occurred_at desc, page.id desc`
  return readRows<EventRow>(sql, sql.query(statement, parameters))
}

/**
 * The error of a report that completes a request is counted in the hour of the request. In its own hour, the report is
 * a row without requests, under its status.
 */
const MAY_HAVE_ERRORS = 'errors > 0 or status_code >= 400 or requests = 0'

const isCombined = (filter: EventFilter) => namedIn(filter).length + Number(filter.errorsOnly === true) > 1

/** From the hours in which each part of the filter matches something, selects those in which one event may match all parts. */
function holdingAll(filter: EventFilter, named: string): string {
  if (!isCombined(filter)) return ''
  // The next step depends on this one's hour, so Postgres evaluates this first, and only as far as the page needs.
  return `cross join lateral (
    select usage_hourly.hour as held from usage_hourly where organization_id = $1 and usage_hourly.hour = hours.hour ${named}
      ${filter.errorsOnly ? `and (${MAY_HAVE_ERRORS})` : ''} limit 1
  ) as known`
}

/** The hours in which every part of the filter matches something. */
function selectHours(filter: EventFilter, parameters: unknown[]): string {
  const span = `organization_id = $1 and hour > $2::timestamptz - interval '1 hour' and hour <= $3`
  const slices = namedIn(filter)
    .filter(([, value]) => value !== '')
    .map(
      ([dimension, value]) =>
        `select hour from usage_slices where ${span} and dimension = $${parameters.push(dimension)} and value = $${parameters.push(value)}`,
    )
  const used = `select hour from usage_totals where ${span}`
  const failed = `(${used} and errors > 0 union
    select hour from usage_slices where ${span} and dimension = 'status' and value >= '400')`
  const all = filter.errorsOnly ? failed : used
  return [all, ...slices, ...selectHoursOfSubject(filter, parameters)].join(' intersect ')
}

/** The hours of the days on which a subject used anything: sums of subjects are per day. */
function selectHoursOfSubject({ subject }: EventFilter, parameters: unknown[]): string[] {
  if (subject === undefined) return []
  return [
    `select hour from usage_totals where organization_id = $1 and (hour at time zone 'UTC')::date in (
      select day from usage_subject_days where organization_id = $1 and subject = $${parameters.push(subject)})`,
  ]
}
