import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  date,
  index,
  integer,
  numeric,
  type PgColumnBuilderBase,
  pgTable,
  pgView,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { LATENCY_COLUMNS } from './shapes.ts'

const count = () => bigint({ mode: 'number' }).notNull().default(0)
const usd = () => numeric({ precision: 24, scale: 9 }).notNull().default('0')

/**
 * The dimensions of an event. Without a value, text is empty and the key is the zero UUID: a primary key cannot contain
 * null.
 */
const dimensions = () => ({
  keyId: uuid().notNull(),
  environment: text().notNull(),
  endpoint: text().notNull(),
  statusCode: smallint().notNull(),
  provider: text().notNull(),
  model: text().notNull(),
  route: text().notNull(),
})

/** What every roll-up sums up. */
export const counts = () => ({
  requests: count(),
  errors: count(),
  apiCalls: count(),
  queries: count(),
  inputTokens: count(),
  outputTokens: count(),
  cachedTokens: count(),
  /** What providers charge. */
  costUsd: usd(),
  /** What customers pay. */
  chargeUsd: usd(),
  /** Events that used a model without a known price. */
  unpriced: count(),
})

/** @param bucket the column of one bucket of the histogram, by its name */
export const responseTimesIn = (bucket: (name: string) => PgColumnBuilderBase) => ({
  responseTimeMsSum: count(),
  responseTimeCount: count(),
  ...Object.fromEntries(LATENCY_COLUMNS.map((name) => [name, bucket(name)])),
})

const responseTimes = () => responseTimesIn((name) => integer(name).notNull().default(0))

/** Rows are stored in the order of their hours, so a block range index finds those of the last hours at almost no cost. */
const byHour = (name: string, hour: AnyPgColumn) => index(name).using('brin', hour).with({ autosummarize: true })

/**
 * Sums per hour (UTC) and dimension. The finest resolution that analytics read; after 13 months a
 * day's rows become one (metering/compact-hours.ts). One statement
 * (`metering/functions/statements.ts`) updates this and all other roll-ups, so a repair by hand must update each of them.
 */
export const usageHourly = pgTable(
  'usage_hourly',
  {
    organizationId: uuid().notNull(),
    hour: timestamp({ withTimezone: true }).notNull(),
    ...dimensions(),
    ...counts(),
    ...responseTimes(),
  },
  (t) => [
    primaryKey({
      columns: [
        t.organizationId,
        t.hour,
        t.keyId,
        t.environment,
        t.endpoint,
        t.statusCode,
        t.provider,
        t.model,
        t.route,
      ],
    }),
    byHour('usage_hourly_hour', t.hour),
  ],
)

/** The same per hour without dimensions: time series in any time zone. */
export const usageTotals = pgTable(
  'usage_totals',
  {
    organizationId: uuid().notNull(),
    hour: timestamp({ withTimezone: true }).notNull(),
    ...counts(),
    ...responseTimes(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.hour] }), byHour('usage_totals_hour', t.hour)],
)

/**
 * The dimension of a slice, `endpoint`, `key`, `model`, `provider`, `route`, `status` or `environment`, and its value
 * as text.
 */
const slice = () => ({ organizationId: uuid().notNull(), dimension: text().notNull(), value: text().notNull() })

/**
 * Sums per hour (UTC) and value of one dimension, across all others: a time series of one endpoint or key reads one row
 * per hour. An event without a value has no slice; the sum of such events is the total less all slices.
 */
export const usageSlices = pgTable(
  'usage_slices',
  { ...slice(), hour: timestamp({ withTimezone: true }).notNull(), ...counts(), ...responseTimes() },
  (t) => [primaryKey({ columns: [t.organizationId, t.dimension, t.value, t.hour] })],
)

/** The same per day (UTC), ordered for breakdowns: all values of one dimension over a span. */
export const usageDailySlices = pgTable(
  'usage_daily_slices',
  { ...slice(), day: date().notNull(), ...counts(), ...responseTimes() },
  (t) => [primaryKey({ columns: [t.organizationId, t.dimension, t.day, t.value] })],
)

/**
 * Sums per day (UTC) and subject. There can be millions of subjects, so they are not a dimension of the other roll-ups. The
 * empty subject has the sums of erased subjects. Usage without a subject has no row.
 */
export const usageSubjectDays = pgTable(
  'usage_subject_days',
  { organizationId: uuid().notNull(), day: date().notNull(), subject: text().notNull(), ...counts() },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.day, t.subject] }),
    index('usage_subject_days_subject').on(t.organizationId, t.subject),
  ],
)

/** An organization's use in each of its usage periods. Quotas, alerts and invoices are computed from it. */
export const usagePeriods = pgTable(
  'usage_periods',
  {
    organizationId: uuid().notNull(),
    periodStart: timestamp({ withTimezone: true }).notNull(),
    ...counts(),
    /** Of these calls, the ones that verifications counted in even and in odd generations of the counter in Redis. */
    evenCalls: count(),
    oddCalls: count(),
    /** What customers pay for these calls. */
    evenCharges: usd(),
    oddCharges: usd(),
    /** The part of the charges that credits do not pay, because none were left and the plan goes on without (credits/cover.ts). */
    coveredUsd: usd(),
    /** Without an index: see db/recent-periods.ts. */
    updatedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.periodStart] }), index('usage_periods_started').on(t.periodStart)],
)

/** The latest reading of each gauge. */
export const usageGauges = pgTable(
  'usage_gauges',
  {
    organizationId: uuid().notNull(),
    meter: text().notNull(),
    value: numeric({ precision: 24, scale: 9 }).notNull(),
    observedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.meter] })],
)

/** The same sums per calendar month (UTC). */
export const monthlyUsage = pgView('monthly_usage', {
  organizationId: uuid().notNull(),
  month: timestamp({ withTimezone: true }).notNull(),
  requests: bigint({ mode: 'number' }).notNull(),
  errors: bigint({ mode: 'number' }).notNull(),
  apiCalls: bigint({ mode: 'number' }).notNull(),
  queries: bigint({ mode: 'number' }).notNull(),
  inputTokens: bigint({ mode: 'number' }).notNull(),
  outputTokens: bigint({ mode: 'number' }).notNull(),
  cachedTokens: bigint({ mode: 'number' }).notNull(),
  tokens: bigint({ mode: 'number' }).notNull(),
  costUsd: numeric().notNull(),
  chargeUsd: numeric().notNull(),
  unpriced: bigint({ mode: 'number' }).notNull(),
}).as(
  sql`select organization_id, date_trunc('month', hour, 'UTC') as month,
    sum(requests)::bigint as requests, sum(errors)::bigint as errors,
    sum(api_calls)::bigint as api_calls, sum(queries)::bigint as queries,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(cached_tokens)::bigint as cached_tokens, sum(input_tokens + output_tokens)::bigint as tokens,
    sum(cost_usd) as cost_usd, sum(charge_usd) as charge_usd, sum(unpriced)::bigint as unpriced
    from usage_totals group by organization_id, date_trunc('month', hour, 'UTC')`,
)
