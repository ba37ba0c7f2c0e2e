import { familyIn } from '../../db/plan-version.ts'
import { toIso } from '../../lib/iso.ts'
import { SUM_COLUMNS } from './columns.ts'
import { buildConditions, type Filter, namedIn } from './filter.ts'
import { type AllOrganizationsScope, isPlatform, type Scope } from './scope.ts'
import { type Span } from './span.ts'

export const COLUMNS = SUM_COLUMNS.join(', ')

interface HoursAsked {
  /** Whole hours. */
  readonly span: Span
  readonly filter: Filter
}

/**
 * SQL of the rows of a span, each with its hour and sums, from the smallest roll-up that has them: totals without a filter,
 * slices with one, all dimensions with several.
 *
 * @param parameters the list to which its parameters are added
 */
export function selectHours(scope: Scope, asked: HoursAsked, parameters: unknown[]): string {
  if (isPlatform(scope)) return selectPlatformHours(scope, asked, parameters)
  const { span, filter } = asked
  const organization = `organization_id = $${parameters.push(scope.organizationId)}`
  const [only, ...others] = namedIn(filter)
  const where = `where ${organization} and ${within('hour', span, parameters)}`
  if (!only) return `select hour, ${COLUMNS} from usage_totals ${where}`
  if (others.length > 0 || only[1] === '')
    return `select hour, ${COLUMNS} from usage_hourly ${where} ${buildConditions(filter, parameters)}`
  return `select hour, ${COLUMNS} from usage_slices ${where} ${isSlice(only, parameters)}`
}

/** Folded hours come from the platform's sums, later ones from the organizations'. With several filters all come from those. */
function selectPlatformHours(
  scope: AllOrganizationsScope,
  { span, filter }: HoursAsked,
  parameters: unknown[],
): string {
  const [only, ...others] = namedIn(filter)
  const isFolded = others.length === 0 && only?.[1] !== ''
  const { folded, open } = cutAtFold(span, isFolded ? scope.foldedUntil : 0)
  const parts: string[] = []
  if (folded.from < folded.to)
    parts.push(`
    select hour, ${COLUMNS} from usage_platform_hours
    where ${within('hour', folded, parameters)} ${isSlice(only ?? ['', ''], parameters)} ${isOfPlan(scope, parameters)}`)
  if (open.from < open.to)
    parts.push(`
    select hour, ${COLUMNS} from ${only ? 'usage_hourly' : 'usage_totals'}
    where ${within('hour', open, parameters)} ${buildConditions(filter, parameters)} ${isOnPlan(scope, parameters)}`)
  return parts.join(' union all ')
}

const isSlice = ([dimension, value]: readonly [string, string], parameters: unknown[]) =>
  `and dimension = $${parameters.push(dimension)} and value = $${parameters.push(value)}`

/** For folded rows: they contain the plan under which their hour was counted. */
export const isOfPlan = ({ plan }: AllOrganizationsScope, parameters: unknown[]) =>
  plan === undefined ? '' : `and plan_id = $${parameters.push(plan)}`

/** For rows of organizations: only those of organizations that are on the plan now. */
export const isOnPlan = ({ plan }: AllOrganizationsScope, parameters: unknown[]) =>
  plan === undefined
    ? ''
    : `and organization_id in (select id from organizations where ${familyIn('plan_id')} = $${parameters.push(plan)})`

/** A span that may be empty, as a condition on a column of times. */
export const within = (column: string, { from, to }: Span, parameters: unknown[]) =>
  `${column} >= $${parameters.push(toIso(from))} and ${column} < $${parameters.push(toIso(to))}`

/** @returns the part of a span before `until`, and the rest; either may be empty */
export function cutAtFold({ from, to }: Span, until: number): { folded: Span; open: Span } {
  const middle = Math.min(Math.max(from, until), to)
  return { folded: { from, to: middle }, open: { from: middle, to } }
}
