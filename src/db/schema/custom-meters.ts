import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  date,
  index,
  numeric,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { createdAt, updatedAt } from './columns.ts'

/**
 * The meters of this deployment. The built-in ones (schema/meters.ts) have rows so that lists show them; their amounts are
 * columns. The operator defines the others, the custom ones. Their amounts are rows of the following tables, and gauges are
 * in `usage_gauges` like built-in ones.
 */
export const meters = pgTable(
  'meters',
  {
    slug: text().primaryKey(),
    name: text().notNull(),
    unit: text().notNull(),
    kind: text({ enum: ['counter', 'gauge'] }).notNull(),
    /** How many decimals an amount may have. It never changes, because counters count in units of the last decimal. */
    scale: smallint().notNull().default(0),
    isBuiltin: boolean().notNull().default(false),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [check('meters_kind', sql`${t.kind} in ('counter', 'gauge')`), check('meters_scale', sql`${t.scale} >= 0`)],
)

const amount = () => numeric({ precision: 30, scale: 6 }).notNull().default('0')

/** An organization's use of custom counters in each of its usage periods: like `usage_periods`, with a row for each meter. */
export const usageMeterPeriods = pgTable(
  'usage_meter_periods',
  {
    organizationId: uuid().notNull(),
    periodStart: timestamp({ withTimezone: true }).notNull(),
    meter: text().notNull(),
    amount: amount(),
    /** The part that verifications counted in even and in odd generations of the counter in Redis. */
    evenAmount: amount(),
    oddAmount: amount(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.periodStart, t.meter] })],
)

/** Sums of custom counters per day (UTC) and subject: like `usage_subject_days`, with a row for each meter. */
export const usageMeterSubjectDays = pgTable(
  'usage_meter_subject_days',
  {
    organizationId: uuid().notNull(),
    day: date().notNull(),
    subject: text().notNull(),
    meter: text().notNull(),
    amount: amount(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.day, t.subject, t.meter] }),
    index('usage_meter_subject_days_subject').on(t.organizationId, t.subject),
  ],
)

/** Sums of custom counters per hour (UTC) and dimension: like `usage_hourly`, with a row for each meter. */
export const usageMeterHourly = pgTable(
  'usage_meter_hourly',
  {
    organizationId: uuid().notNull(),
    hour: timestamp({ withTimezone: true }).notNull(),
    meter: text().notNull(),
    keyId: uuid().notNull(),
    environment: text().notNull(),
    endpoint: text().notNull(),
    statusCode: smallint().notNull(),
    provider: text().notNull(),
    model: text().notNull(),
    route: text().notNull(),
    amount: amount(),
  },
  (t) => [
    primaryKey({
      columns: [
        t.organizationId,
        t.hour,
        t.meter,
        t.keyId,
        t.environment,
        t.endpoint,
        t.statusCode,
        t.provider,
        t.model,
        t.route,
      ],
    }),
    index('usage_meter_hourly_hour').using('brin', t.hour).with({ autosummarize: true }),
  ],
)
