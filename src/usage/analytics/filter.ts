import { COLUMNS, DIMENSION_NAMES, type Dimension } from '../../metering/dimensions.ts'

/** What events must have; absent is anything, and an empty text is none (a key or status is never empty). */
export type Filter = Readonly<Partial<Record<Dimension, string>>>

/** The dimensions that a filter names, with their values. */
export function namedIn(filter: Filter): [Dimension, string][] {
  return DIMENSION_NAMES.flatMap((name) => {
    const value = filter[name]
    return value === undefined ? [] : [[name, value] as [Dimension, string]]
  })
}

/**
 * The conditions of a filter on a table that has the dimensions, each beginning with `and`.
 *
 * @param parameters where the values are added
 */
export function buildConditions(filter: Filter, parameters: unknown[]): string {
  return namedIn(filter)
    .map(([name, value]) => `and ${COLUMNS[name][0]} = $${parameters.push(value)}::${COLUMNS[name][1]}`)
    .join(' ')
}
