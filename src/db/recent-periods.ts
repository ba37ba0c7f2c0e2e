/** The longest usage period plus the longest delay of a late event (usage/reporting/read-item.ts), with days to spare. */
export const OPEN_PERIOD_DAYS = 70

/**
 * SQL condition for rows of `usage_periods` that changed after a moment. `updated_at` has no index: each write changes it, and an
 * index would keep Postgres from updating the row in place. Usage is added only to recent periods, and the period has an index.
 *
 * @param row the alias of the table
 * @param since SQL of the moment
 */
export const changedAfter = (row: string, since: string) =>
  `${row}.period_start > ${since} - interval '${OPEN_PERIOD_DAYS} days' and ${row}.updated_at > ${since}`
