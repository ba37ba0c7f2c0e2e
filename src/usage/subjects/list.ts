import type { Sql } from '../../db/client.ts'
import { COUNTERS, FIGURES, forEachMeter, METERS } from '../../db/schema/meters.ts'
import { toIso } from '../../lib/iso.ts'
import { SUBJECT_SUMS } from '../../metering/roll-up-sql.ts'
import type { ORDERS } from '../analytics/breakdown.ts'
import { asAnswered, type CountRow, isShown, readColumn, roundTo, toFigures } from '../analytics/columns.ts'
import type { Quantities } from '../analytics/quantities.ts'
import { readRows } from '../analytics/read.ts'
import type { OrganizationScope } from '../analytics/scope.ts'
import { formatDay, type Span } from '../analytics/span.ts'
import { encodeCursor, type SubjectPlace } from './cursor.ts'

/** One of the built-in figures, or the slug of a custom counter. */
type Order = string

interface Ask {
  /** Whole UTC days. */
  readonly span: Span
  /** Only this subject. */
  readonly subject?: string | undefined
  readonly order: Order
  readonly limit: number
  /** The last subject of the previous page. */
  readonly after?: SubjectPlace | undefined
}

const MEASURES: Readonly<Record<string, string>> = {
  requests: 'requests',
  errors: 'errors',
  ...forEachMeter(METERS, (meter) => COUNTERS[meter].columns.join(' + ')),
} satisfies Record<(typeof ORDERS)[number], string>

const SUMS = SUBJECT_SUMS.map((name) => `coalesce(sum(${name}), 0) as ${name}`).join(', ')
const LESS = SUBJECT_SUMS.map((name) => `-${name}`).join(', ')
const PLAIN = SUBJECT_SUMS.join(', ')
const IS_USED = SUBJECT_SUMS.map((name) => `sum(${name}) <> 0`).join(' or ')

/** Hours of whole UTC days. */
const IN_SPAN = `hour >= ($2::date)::timestamp at time zone 'UTC' and hour < ($3::date)::timestamp at time zone 'UTC'`

interface Row extends CountRow {
  readonly kind: 'subject' | 'before' | 'other' | 'erased' | 'unnamed'
  readonly subject: string | null
  readonly subjects: number
  readonly measure: string
  readonly quantities: Quantities
}

interface Sorting {
  /** SQL of a custom counter's slug; undefined for a built-in figure. */
  readonly meter: string | undefined
  /** SQL of a built-in figure. */
  readonly figure: string
  /** SQL of whether a subject was on an earlier page. */
  readonly isBefore: string
}

/** Adds the parameters that the order and the place need. */
function selectSorting(order: Order, after: SubjectPlace | undefined, parameters: unknown[]): Sorting {
  const add = (value: unknown) => `$${parameters.push(value)}`
  const figure = Object.hasOwn(MEASURES, order) ? MEASURES[order] : undefined
  const meter = figure === undefined ? `${add(order)}::text` : undefined
  if (!after) return { meter, figure: figure ?? '', isBefore: 'false' }
  const [measure, requests, subject] = [
    `${add(after.measure)}::numeric`,
    `${add(after.requests)}::bigint`,
    add(after.subject),
  ]
  const isAfter = `measure < ${measure} or (measure = ${measure} and (requests < ${requests}
    or (requests = ${requests} and subject > ${subject}::text)))`
  return { meter, figure: figure ?? '', isBefore: `not (${isAfter})` }
}

/**
 * `$1` organization, `$2` and `$3` days, `$4` the number of listed subjects, `$5` one subject or null. Usage without a subject
 * is the totals minus all usage with one, so that all parts together are the totals.
 */
const buildStatement = ({ meter, figure, isBefore }: Sorting, seesCosts: boolean) => `
with named as (
  select subject, ${SUMS} from usage_subject_days
  where organization_id = $1 and day >= $2 and day < $3 and ($5::text is null or subject = $5) group by 1
), measured as (
  ${
    meter === undefined
      ? `select *, (${figure})::numeric as measure from named`
      : `select named.*, coalesce(own.amount, 0) as measure from named left join (
    select subject, sum(amount) as amount from usage_meter_subject_days
    where organization_id = $1 and day >= $2 and day < $3 and meter = ${meter} group by 1) own using (subject)`
  }
), passed as (
  select *, case when subject = '' then 'erased' when ${isBefore} then 'before' end as passed from measured
), placed as (
  select *, coalesce(passed, case when row_number() over (
    partition by passed is null order by measure desc, requests desc, subject) <= $4 then 'subject' else 'other' end) as kind
  from passed
), parts as (
  select kind, case kind when 'subject' then subject end as subject, 1 as subjects, ${PLAIN} from placed
  union all
  select 'unnamed', null, 0, ${PLAIN} from usage_totals
  where organization_id = $1 and ${IN_SPAN} and $5::text is null
  union all
  select 'unnamed', null, 0, ${LESS} from named where $5::text is null
), meter_parts as (
  select p.kind, case p.kind when 'subject' then p.subject end as subject, d.meter, d.amount
  from usage_meter_subject_days d join placed p on p.subject = d.subject
  where d.organization_id = $1 and d.day >= $2 and d.day < $3
  union all
  select 'unnamed', null, meter, amount from usage_meter_hourly
  where organization_id = $1 and ${IN_SPAN} and $5::text is null
  union all
  select 'unnamed', null, meter, -amount from usage_meter_subject_days
  where organization_id = $1 and day >= $2 and day < $3 and $5::text is null
), by_meter as (
  select kind, subject, meter, sum(amount) as amount from meter_parts group by 1, 2, 3 having sum(amount) <> 0
), amounts as (
  select kind, subject, jsonb_object_agg(meter, amount::float8 order by meter) as quantities,
    ${meter === undefined ? '0' : `coalesce(sum(amount) filter (where meter = ${meter}), 0)`} as own
  from by_meter group by 1, 2
), sums as (
  select kind, subject, sum(subjects)::int as subjects, ${SUMS} from parts group by 1, 2 having ${IS_USED}
), answered as (
  select sums.*, ${meter === undefined ? `(${figure})::numeric` : 'coalesce(amounts.own, 0)'} as measure, coalesce(amounts.quantities, '{}') as quantities
  from sums left join amounts on amounts.kind = sums.kind and amounts.subject is not distinct from sums.subject
)
select kind, subject, subjects, measure::text, ${selectSums(seesCosts)}, quantities
from answered order by answered.measure desc, requests desc, subject`

const selectSums = (seesCosts: boolean) =>
  SUBJECT_SUMS.filter((name) => isShown(name, seesCosts))
    .map((name) => asAnswered(name, readColumn(name, seesCosts)))
    .join(', ')

/**
 * The usage of an organization's subjects: the largest, the rest, erased ones and usage without a subject, which together
 * are the organization's totals. One statement. A later page begins after a subject's place, even if usage changes meanwhile;
 * its rest is what comes after it, and its shares are of everything.
 */
export async function usageOfSubjects(
  sql: Sql,
  { organizationId, seesCosts = false }: OrganizationScope,
  { span, subject, order, limit, after }: Ask,
) {
  const [from, to] = [formatDay(span.from), formatDay(span.to)]
  const parameters = [organizationId, from, to, limit, subject ?? null]
  const statement = buildStatement(selectSorting(order, after, parameters), seesCosts)
  const rows = await readRows<Row>(sql, sql.query(statement, parameters))
  const total = rows.reduce((sum, { measure }) => sum + Number(measure), 0)
  const describe = (row: Row) => ({
    share: total > 0 ? roundTo(Number(row.measure) / total, 4) : null,
    requests: row.requests,
    errors: row.errors,
    ...toFigures(row, FIGURES),
    quantities: row.quantities,
  })
  const one = (kind: Row['kind']) => rows.find((row) => row.kind === kind)
  const [other, erased, unnamed] = [one('other'), one('erased'), one('unnamed')]
  const listed = rows.filter(({ kind }) => kind === 'subject')
  const last = other && listed.at(-1)
  return {
    from: toIso(span.from),
    to: toIso(span.to),
    order,
    data: listed.map((row) => Object.assign({ subject: row.subject as string }, describe(row))),
    other: other ? { subjects: other.subjects, ...describe(other) } : null,
    erased: erased ? describe(erased) : null,
    unnamed: unnamed ? describe(unnamed) : null,
    next_cursor: last
      ? encodeCursor({
          order,
          from,
          to,
          measure: last.measure,
          requests: last.requests,
          subject: last.subject as string,
        })
      : null,
  }
}
