/** Columns of events, as a batch sends them and as they are stored. */
import { GAUGES, isMoneyColumn } from '../../db/schema/meters.ts'
import { VERIFICATION } from '../event.ts'
import { KIND_COLUMNS, REPORTED_COLUMNS } from './sums.ts'

interface Column {
  readonly name: string
  /** The type in `jsonb_to_record`. Absent for computed columns. */
  readonly type?: string
  /** SQL of the stored value, from a row `b` of the batch. */
  readonly kept: string
}

const asSaid = (name: string, type: string): Column => ({ name, type, kept: `b.${name}` })
const text = (name: string): Column => ({ name, type: 'text', kept: `coalesce(b.${name}, '')` })
const amount = (name: string): Column => ({ name, type: 'bigint', kept: `coalesce(b.${name}, 0)` })
/** Money arrives with more decimals than are stored, so that each sum is rounded once. It can be unknown. */
const money = (name: string): Column => ({ name, type: 'numeric', kept: `round(b.${name}, 9)` })

const OF_ALL: readonly Column[] = [
  asSaid('id', 'text'),
  asSaid('organization_id', 'uuid'),
  asSaid('occurred_at', 'timestamptz'),
  asSaid('key_id', 'uuid'),
  asSaid('user_id', 'uuid'),
  text('environment'),
  text('endpoint'),
  text('method'),
  { name: 'status_code', type: 'smallint', kept: 'coalesce(b.status_code, 0)' },
  { name: 'requests', type: 'integer', kept: 'coalesce(b.requests, 1)' },
  asSaid('ip', 'text'),
  asSaid('user_agent', 'text'),
  asSaid('error_code', 'text'),
  asSaid('error_message', 'text'),
  asSaid('metadata', 'jsonb'),
]

/** Columns of a verification that consumes only calls. */
export const OF_VERIFICATIONS: readonly Column[] = [...OF_ALL, amount('api_calls'), asSaid('trace', 'json')]

/** The price of a call: verifications bring theirs, reports use the plan's. */
const CALL_PRICE = `case when b.source = '${VERIFICATION}' then b.price_per_call_usd else plan.price_per_call_usd end`
const MARKED_UP = 'round(b.cost_usd * (100 + coalesce(plan.markup_percent, 0)) / 100, 9)'
/** The customer's charge, from the exact cost, and the markup and price it used. */
const CHARGES: readonly Column[] = [
  {
    name: 'charge_usd',
    kept: `case when b.cost_usd is not null or (b.api_calls > 0 and ${CALL_PRICE} is not null)
      then coalesce(${MARKED_UP}, 0) + coalesce(b.api_calls * ${CALL_PRICE}, 0) end`,
  },
  { name: 'markup_percent', kept: 'case when b.cost_usd is not null then coalesce(plan.markup_percent, 0) end' },
  { name: 'price_per_call_usd', type: 'numeric', kept: `case when b.api_calls > 0 then ${CALL_PRICE} end` },
]
/** The source of the markup and the price. */
export const PLAN_OF_OWNER =
  'left join organizations owner on owner.id = b.organization_id left join plans plan on plan.id = owner.plan_id'

/** Columns of all other usage. */
export const OF_USAGE: readonly Column[] = [
  ...OF_ALL,
  asSaid('subject', 'text'),
  asSaid('response_time_ms', 'integer'),
  ...REPORTED_COLUMNS.map((name) => (isMoneyColumn(name) ? money(name) : amount(name))),
  ...KIND_COLUMNS.map(amount),
  ...CHARGES,
  text('provider'),
  text('model'),
  text('route'),
  {
    name: 'trace',
    type: 'json',
    kept: `case when b.completes is null then b.trace else json_build_object('completes', b.completes, 'fails_request', true) end`,
  },
  asSaid('quantities', 'jsonb'),
]

/** Readings, which are not stored with the raw events. */
export const GAUGES_READ: readonly Column[] = GAUGES.map((gauge) => asSaid(gauge, 'numeric'))

/** The columns read from a batch, for `jsonb_to_record`. */
export const listTypes = (columns: readonly Column[]) =>
  columns.flatMap(({ name, type }) => (type === undefined ? [] : [`${name} ${type}`])).join(', ')

/** The stored values of a row `b`. */
export const listKept = (columns: readonly Column[]) =>
  columns.map(({ name, kept }) => (kept === `b.${name}` ? kept : `${kept} as ${name}`)).join(', ')

/**
 * SQL that stores rows as raw events, in the order of the primary key: the statement waits for the same event in flight
 * elsewhere.
 */
export function insertEvents(columns: readonly Column[], from: string): string {
  const names = columns.map(({ name }) => name).join(', ')
  return `
  insert into usage_events (${names})
  select ${names} from ${from} order by organization_id, occurred_at, id`
}
