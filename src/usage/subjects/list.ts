import type { Sql } from '../../db/client.ts'
import { COUNTERS, FIGURES, forEachMeter, METERS } from '../../db/schema/meters.ts'
import { toIso } from '../../lib/iso.ts'
import { SUBJECT_SUMS } from '../../metering/roll-up-sql.ts'
import type { ORDERS } from '../analytics/breakdown.ts'
import { asAnswered, type CountRow, isShown, readColumn, roundTo, toFigures } from '../analytics/columns.ts'
import { readRows } from '../analytics/read.ts'
import type { OrganizationScope } from '../analytics/scope.ts'
import { formatDay, type Span } from '../analytics/span.ts'

type Order = (typeof ORDERS)[number]

interface Ask {
  /** Whole UTC days. */
  readonly span: Span
  /** Of this one alone. */
  readonly subject?: string | undefined
  readonly order: Order
  readonly limit: number
}

const MEASURES = {
  requests: 'requests',
  errors: 'errors',
  ...forEachMeter(METERS, (meter) => COUNTERS[meter].columns.join(' + ')),
} satisfies Record<Order, string>

const SUMS = SUBJECT_SUMS.map((name) => `coalesce(sum(${name}), 0) as ${name}`).join(', ')
const LESS = SUBJECT_SUMS.map((name) => `-${name}`).join(', ')
const PLAIN = SUBJECT_SUMS.join(', ')
const IS_USED = SUBJECT_SUMS.map((name) => `sum(${name}) <> 0`).join(' or ')

interface Row extends CountRow {
  readonly kind: 'subject' | 'other' | 'erased' | 'unnamed'
  readonly subject: string | null
  readonly subjects: number
  readonly measure: string
}

/**
 * `$1` organization, `$2` and `$3` days, `$4` how many are listed, `$5` one subject or null. What had no subject is the
 * totals less everything that had one, so that all parts together are the totals.
 */
const buildStatement = (measure: string, seesCosts: boolean) => `
with named as (
  select subject, ${SUMS} from usage_subject_days
  where organization_id = $1 and day >= $2 and day < $3 and ($5::text is null or subject = $5) group by 1
), placed as (
  select *, row_number() over (order by subject = '', ${measure} desc, requests desc, subject) as place from named
), parts as (
  select case when subject = '' then 'erased' when place <= $4 then 'subject' else 'other' end as kind,
    case when place <= $4 then subject end as subject, 1 as subjects, ${PLAIN} from placed
  union all
  select 'unnamed', null, 0, ${PLAIN} from usage_totals
  where organization_id = $1 and hour >= ($2::date)::timestamp at time zone 'UTC' and hour < ($3::date)::timestamp at time zone 'UTC' and $5::text is null
  union all
  select 'unnamed', null, 0, ${LESS} from named where $5::text is null
), sums as (
  select kind, case when kind = 'subject' then subject end as subject, sum(subjects)::int as subjects, ${SUMS} from parts group by 1, 2 having ${IS_USED}
)
select kind, subject, subjects, (${measure})::text as measure, ${selectSums(seesCosts)}
from sums order by ${measure} desc, requests desc, subject`

const selectSums = (seesCosts: boolean) =>
  SUBJECT_SUMS.filter((name) => isShown(name, seesCosts))
    .map((name) => asAnswered(name, readColumn(name, seesCosts)))
    .join(', ')

/**
 * What an organization's subjects used: the largest, the rest, what was erased and what had none, which together are the
 * organization's totals. One statement.
 */
export async function usageOfSubjects(
  sql: Sql,
  { organizationId, seesCosts = false }: OrganizationScope,
  { span, subject, order, limit }: Ask,
) {
  const parameters = [organizationId, formatDay(span.from), formatDay(span.to), limit, subject ?? null]
  const rows = await readRows<Row>(sql, sql.query(buildStatement(MEASURES[order], seesCosts), parameters))
  const total = rows.reduce((sum, { measure }) => sum + Number(measure), 0)
  const describe = (row: Row) => ({
    share: total > 0 ? roundTo(Number(row.measure) / total, 4) : null,
    requests: row.requests,
    errors: row.errors,
    ...toFigures(row, FIGURES),
  })
  const one = (kind: Row['kind']) => rows.find((row) => row.kind === kind)
  const [other, erased, unnamed] = [one('other'), one('erased'), one('unnamed')]
  return {
    from: toIso(span.from),
    to: toIso(span.to),
    order,
    data: rows.flatMap((row) => (row.kind === 'subject' ? [{ subject: row.subject as string, ...describe(row) }] : [])),
    other: other ? { subjects: other.subjects, ...describe(other) } : null,
    erased: erased ? describe(erased) : null,
    unnamed: unnamed ? describe(unnamed) : null,
  }
}
