/** Sums of all organizations together, for the operator's analytics. A job folds them from the organizations' own sums. */
import { bigint, boolean, date, index, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { counts, responseTimesIn } from './rollups.ts'

/** The buckets of all organizations together exceed an integer. */
const wide = () => ({
  ...counts(),
  ...responseTimesIn((name) => bigint(name, { mode: 'number' }).notNull().default(0)),
})

/**
 * What a row sums up: one value of a dimension, or all usage, for which both are empty. Rows are split by the plan that the
 * organization had when its hour was folded, empty if the organization was gone.
 */
const slice = () => ({ dimension: text().notNull(), value: text().notNull(), planId: text().notNull() })

/** Sums per hour (UTC), plan and value of one dimension. There are none for keys and organizations, which are too many. */
export const platformHours = pgTable(
  'usage_platform_hours',
  { ...slice(), hour: timestamp({ withTimezone: true }).notNull(), ...wide() },
  (t) => [
    primaryKey({ columns: [t.dimension, t.value, t.hour, t.planId] }),
    index('usage_platform_hours_hour').on(t.hour, t.dimension),
  ],
)

/** The same per day (UTC), ordered for breakdowns, and for each organization under the dimension `organization`. */
export const platformDays = pgTable('usage_platform_days', { ...slice(), day: date().notNull(), ...wide() }, (t) => [
  primaryKey({ columns: [t.dimension, t.day, t.value, t.planId] }),
])

/** The same per calendar month (UTC), named by its first day: a year of a thousand organizations is 12,000 rows. */
export const platformMonths = pgTable(
  'usage_platform_months',
  { ...slice(), month: date().notNull(), ...wide() },
  (t) => [primaryKey({ columns: [t.dimension, t.month, t.value, t.planId] })],
)

/** The job's progress: every earlier hour is folded. One row. Later hours are read from the organizations' own sums. */
export const platformProgress = pgTable('usage_platform_progress', {
  isOnly: boolean().primaryKey().default(true),
  foldedUntil: timestamp({ withTimezone: true }).notNull(),
})

/** Past hours to which usage was added: they are folded again. Rows are only inserted, so that no writer waits. */
export const lateHours = pgTable(
  'usage_late_hours',
  {
    hour: timestamp({ withTimezone: true }).notNull(),
    notedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [index('usage_late_hours_hour').on(t.hour)],
)

/**
 * The plan that an organization's usage counts for, from an hour on until its next row. Written when an hour is first folded
 * and never changed, so that folding the hour again uses the same plan. Empty if the organization was gone.
 */
export const platformPlans = pgTable(
  'usage_platform_plans',
  {
    organizationId: uuid().notNull(),
    since: timestamp({ withTimezone: true }).notNull(),
    planId: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.since] })],
)

/** How verifications were decided: requests per day (UTC), organization and verdict code. */
export const usageVerdicts = pgTable(
  'usage_verdicts',
  {
    day: date().notNull(),
    organizationId: uuid().notNull(),
    code: text().notNull(),
    requests: bigint({ mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.day, t.organizationId, t.code] })],
)
