/** Columns of events, as a batch says them and as they are kept. */
import { GAUGES, isMoneyColumn } from '../../db/schema/meters.ts'
import { VERIFICATION } from '../event.ts'
import { KIND_COLUMNS, REPORTED_COLUMNS } from './sums.ts'

interface Column {
  readonly name: string
  /** What `jsonb_to_record` reads it as. Absent for what is computed here. */
  readonly type?: string
  /** SQL of what is kept, of a row `b` as it was said. */
  readonly kept: string
}

const asSaid = (name: string, type: string): Column => ({ name, type, kept: `b.${name}` })
const text = (name: string): Column => ({ name, type: 'text', kept: `coalesce(b.${name}, '')` })
const amount = (name: string): Column => ({ name, type: 'bigint', kept: `coalesce(b.${name}, 0)` })
/** Money comes with more decimals than are kept, so that each sum is rounded once. It can be unknown. */
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

/** Of a verification that takes calls and nothing else. */
export const OF_VERIFICATIONS: readonly Column[] = [...OF_ALL, amount('api_calls'), asSaid('trace', 'json')]

/** The price of a call: verifications say theirs, reports have that of the plan. */
const CALL_PRICE = `case when b.source = '${VERIFICATION}' then b.price_per_call_usd else plan.price_per_call_usd end`
const MARKED_UP = 'round(b.cost_usd * (100 + coalesce(plan.markup_percent, 0)) / 100, 9)'
/** What the customer pays, from the exact cost, and by which markup and price. */
const CHARGES: readonly Column[] = [
  {
    name: 'charge_usd',
    kept: `case when b.cost_usd is not null or (b.api_calls > 0 and ${CALL_PRICE} is not null)
      then coalesce(${MARKED_UP}, 0) + coalesce(b.api_calls * ${CALL_PRICE}, 0) end`,
  },
  { name: 'markup_percent', kept: 'case when b.cost_usd is not null then coalesce(plan.markup_percent, 0) end' },
  { name: 'price_per_call_usd', type: 'numeric', kept: `case when b.api_calls > 0 then ${CALL_PRICE} end` },
]
/** Where the markup and the price come from. */
export const PLAN_OF_OWNER =
  'left join organizations owner on owner.id = b.organization_id left join plans plan on plan.id = owner.plan_id'

/** Of everything else. */
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
    kept: `case when b.completes is null then b.trace else json_build_object('completes', b.completes) end`,
  },
  asSaid('quantities', 'jsonb'),
]

/** Readings, which the raw events are kept without. */
export const GAUGES_READ: readonly Column[] = GAUGES.map((gauge) => asSaid(gauge, 'numeric'))

/** What is read of a batch, for `jsonb_to_record`. */
export const listTypes = (columns: readonly Column[]) =>
  columns.flatMap(({ name, type }) => (type === undefined ? [] : [`${name} ${type}`])).join(', ')

/** What is kept of a row `b`. */
export const listKept = (columns: readonly Column[]) =>
  columns.map(({ name, kept }) => (kept === `b.${name}` ? kept : `${kept} as ${name}`)).join(', ')

/**
 * SQL that stores rows as raw events. In the order of the primary key: the statement waits for the same event in flight
 * elsewhere.
 */
export function insertEvents(columns: readonly Column[], from: string): string {
  const names = columns.map(({ name }) => name).join(', ')
  return `
  insert into usage_events (${names})
  select ${names} from ${from} order by organization_id, occurred_at, id`
}
