import { familyIn } from '../../db/plan-version.ts'
import { toIso } from '../../lib/iso.ts'
import { DIMENSIONS, type Dimension } from '../../metering/dimensions.ts'
import { COLUMNS, cutAtFold, isOfPlan, isOnPlan, within } from './hour-rows.ts'
import { type AllOrganizationsScope, isPlatform, type Scope } from './scope.ts'
import { cutIntoDays, cutIntoMonths, formatDay, isEmpty, listHours, type Span } from './span.ts'

/** How usage of all organizations can be broken down besides dimensions. Usage of one organization has only dimensions. */
export const PLATFORM_DIMENSIONS = ['organization', 'plan'] as const
export type GroupedBy = Dimension | (typeof PLATFORM_DIMENSIONS)[number]

/** SQL of the rows that a breakdown sums up, each with its value and sums. Empty if there are none. */
export interface BreakdownRows {
  /** From roll-ups by value, which leave out usage without a value. */
  readonly sliced: string
  /** All usage in the same span: minus `sliced`, it is the usage without a value. Empty if all usage has one. */
  readonly totals: string
  /** From roll-ups of all dimensions, which include the empty value. */
  readonly whole: string
}

interface GroupQuery {
  readonly by: GroupedBy
  /** Whole hours. */
  readonly span: Span
  /** Only this key's usage. */
  readonly keyId?: string | undefined
}

/** @param parameters the list to which the parameters of the rows are added */
export function selectGroups(scope: Scope, { by, span, keyId }: GroupQuery, parameters: unknown[]): BreakdownRows {
  if (isPlatform(scope)) return selectPlatformGroups(scope, { by, span }, parameters)
  if (keyId !== undefined) return selectGroupsOfKey(scope.organizationId, { by, span, keyId }, parameters)
  const { before, days, after } = cutIntoDays(span)
  const of = `organization_id = $${parameters.push(scope.organizationId)}`
  const edge = (hours: Span) =>
    `select ${DIMENSIONS[by as Dimension]} as value, ${COLUMNS} from usage_hourly where ${of} and ${within('hour', hours, parameters)}`
  return {
    sliced: `select value, ${COLUMNS} from usage_daily_slices
      where ${of} and dimension = $${parameters.push(by)} and ${withinDays('day', days, parameters)}`,
    totals: `select ${COLUMNS} from usage_totals where ${of} and ${within('hour', days, parameters)}`,
    whole: union([edge(before), edge(after)]),
  }
}

/** Only the roll-up of all dimensions has a key together with another dimension. Its hourly rows are found by the primary key. */
function selectGroupsOfKey(organizationId: string, { by, span, keyId }: Required<GroupQuery>, parameters: unknown[]) {
  const organization = `organization_id = $${parameters.push(organizationId)}`
  const hours = `hour = any($${parameters.push(listHours(span).map(toIso))}::timestamptz[])`
  return {
    sliced: '',
    totals: '',
    whole: `select ${DIMENSIONS[by as Dimension]} as value, ${COLUMNS} from usage_hourly
      where ${organization} and ${hours} and key_id = $${parameters.push(keyId)}`,
  }
}

function selectPlatformGroups(
  scope: AllOrganizationsScope,
  { by, span }: GroupQuery,
  parameters: unknown[],
): BreakdownRows {
  const { folded, open } = cutAtFold(span, by === 'key' ? 0 : scope.foldedUntil)
  const all = { scope, parameters }
  if (by === 'organization') {
    const { before, days, after } = cutIntoDays(folded)
    const hours = [before, after, open].map((some) => openRows(all, by, some))
    return { sliced: foldedRows(all, { dimension: by, spans: { days } }), totals: '', whole: union(hours) }
  }
  const { before, days, after } = cutIntoDays(folded)
  const spans = { days, hours: [before, after] }
  return {
    sliced: foldedRows(all, by === 'plan' ? { dimension: '', value: 'plan_id', spans } : { dimension: by, spans }),
    totals: by === 'plan' ? '' : foldedRows(all, { dimension: '', spans }),
    whole: openRows(all, by, open),
  }
}

interface All {
  readonly scope: AllOrganizationsScope
  readonly parameters: unknown[]
}

/** SQL of the value in a row of an organization's own roll-ups. */
export const OPEN = {
  ...DIMENSIONS,
  organization: 'organization_id::text',
  plan: `coalesce((select ${familyIn('plan_id')} from organizations o where o.id = organization_id), '')`,
} satisfies Record<GroupedBy, string>

/** Rows of the organizations' own roll-ups. */
function openRows({ scope, parameters }: All, by: GroupedBy, span: Span): string {
  if (isEmpty(span)) return ''
  const table = by === 'organization' || by === 'plan' ? 'usage_totals' : 'usage_hourly'
  return `select ${OPEN[by]} as value, ${COLUMNS} from ${table}
    where ${within('hour', span, parameters)} ${isOnPlan(scope, parameters)}`
}

interface Folded {
  readonly dimension: string
  /** The column of the value. */
  readonly value?: string
  readonly spans: { readonly days: Span; readonly hours?: readonly Span[] }
}

/** Rows of the platform's roll-ups: whole months of the days, the days around them, and hours. */
function foldedRows({ scope, parameters }: All, { dimension, value = 'value', spans }: Folded): string {
  const { before, months, after } = cutIntoMonths(spans.days)
  const select = (table: string, span: Span, isWithin: typeof within, column: string) =>
    isEmpty(span)
      ? ''
      : `select ${value} as value, ${COLUMNS} from ${table} where dimension = $${parameters.push(dimension)}
        and ${isWithin(column, span, parameters)} ${isOfPlan(scope, parameters)}`
  return union([
    select('usage_platform_months', months, withinDays, 'month'),
    ...[before, after].map((days) => select('usage_platform_days', days, withinDays, 'day')),
    ...(spans.hours ?? []).map((hours) => select('usage_platform_hours', hours, within, 'hour')),
  ])
}

const union = (selects: readonly string[]) => selects.filter(Boolean).join('\n union all ')

const withinDays: typeof within = (column, { from, to }, parameters) =>
  `${column} >= $${parameters.push(formatDay(from))} and ${column} < $${parameters.push(formatDay(to))}`
