import { COLUMNS, DIMENSION_NAMES, type Dimension } from '../../metering/dimensions.ts'

/**
 * The values that events must have. An absent one matches anything, an empty text matches events without a value (a key
 * or status is never empty).
 */
export type Filter = Readonly<Partial<Record<Dimension, string>>>

/** The dimensions that a filter sets, with their values. */
export function namedIn(filter: Filter): [Dimension, string][] {
  return DIMENSION_NAMES.flatMap((name) => {
    const value = filter[name]
    return value === undefined ? [] : [[name, value] as [Dimension, string]]
  })
}

/**
 * The conditions of a filter on a table with the dimensions, each beginning with `and`.
 *
 * @param parameters the list to which the values are added
 */
export function buildConditions(filter: Filter, parameters: unknown[]): string {
  return namedIn(filter)
    .map(([name, value]) => `and ${COLUMNS[name][0]} = $${parameters.push(value)}::${COLUMNS[name][1]}`)
    .join(' ')
}
