/** The longest usage period, and as long after its end as an event may be late (usage/reporting/read-item.ts), with days to spare. */
export const OPEN_PERIOD_DAYS = 70

/**
 * SQL of the rows of `usage_periods` that changed after a moment. `updated_at` has no index: each write changes it, and an
 * index would keep Postgres from updating the row in place. Usage is added only to recent periods, which have one.
 *
 * @param row the alias of the table
 * @param since SQL of the moment
 */
export const changedAfter = (row: string, since: string) =>
  `${row}.period_start > ${since} - interval '${OPEN_PERIOD_DAYS} days' and ${row}.updated_at > ${since}`
