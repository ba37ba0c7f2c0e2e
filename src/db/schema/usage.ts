import { sql } from 'drizzle-orm'
import {
  bigint,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  pgView,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytea } from './columns.ts'

const count = () => bigint({ mode: 'number' }).notNull().default(0)
const usd = () => numeric({ precision: 20, scale: 6 })

/**
 * Every event id seen, so that none counts twice. A table of its own: a unique key on the partitioned events would have
 * to contain the partition key, and could not see a repeat across a month's end.
 */
export const usageDedupe = pgTable(
  'usage_dedupe',
  {
    organizationId: uuid().notNull(),
    /** SHA-256 of the event id. */
    key: bytea().notNull(),
    /** SHA-256 of the event's body: the same id with another body is a conflict, not a repeat. */
    payloadHash: bytea().notNull(),
    firstSeen: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.key] }), index('usage_dedupe_first_seen').on(t.firstSeen)],
)

/** Raw events, partitioned by month of `occurred_at` (see the migration) and dropped whole after the retention. */
export const usageEvents = pgTable(
  'usage_events',
  {
    organizationId: uuid().notNull(),
    id: text().notNull(),
    occurredAt: timestamp({ withTimezone: true }).notNull(),
    keyId: uuid(),
    userId: uuid(),
    environment: text().notNull().default(''),
    endpoint: text().notNull().default(''),
    method: text().notNull().default(''),
    statusCode: smallint().notNull().default(0),
    responseTimeMs: integer(),
    /** More than 1 where equal refusals of one moment were merged. */
    requests: integer().notNull().default(1),
    apiCalls: count(),
    queries: count(),
    inputTokens: count(),
    outputTokens: count(),
    cachedTokens: count(),
    provider: text().notNull().default(''),
    model: text().notNull().default(''),
    /** Null when the model has no known price. */
    costUsd: usd(),
    /** How the operator's system answered. */
    route: text().notNull().default(''),
    ip: text(),
    userAgent: text(),
    errorCode: text(),
    errorMessage: text(),
    metadata: jsonb().$type<Record<string, unknown>>(),
    ingestedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.occurredAt, t.id] })],
)

/** Sums per hour (UTC) and dimension. Kept for good: statistics read only this. */
export const usageHourly = pgTable(
  'usage_hourly',
  {
    organizationId: uuid().notNull(),
    hour: timestamp({ withTimezone: true }).notNull(),
    /** The zero UUID for events without a key: a primary key has no nulls. */
    keyId: uuid().notNull(),
    environment: text().notNull(),
    endpoint: text().notNull(),
    statusCode: smallint().notNull(),
    provider: text().notNull(),
    model: text().notNull(),
    route: text().notNull(),
    requests: count(),
    errors: count(),
    apiCalls: count(),
    queries: count(),
    inputTokens: count(),
    outputTokens: count(),
    cachedTokens: count(),
    costUsd: usd().notNull().default('0'),
    /** Events that used a model without a known price. */
    unpriced: count(),
    responseTimeMsSum: count(),
    responseTimeCount: count(),
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
  ],
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
  unpriced: bigint({ mode: 'number' }).notNull(),
}).as(
  sql`select organization_id, date_trunc('month', hour, 'UTC') as month,
    sum(requests)::bigint as requests, sum(errors)::bigint as errors,
    sum(api_calls)::bigint as api_calls, sum(queries)::bigint as queries,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(cached_tokens)::bigint as cached_tokens, sum(input_tokens + output_tokens)::bigint as tokens,
    sum(cost_usd) as cost_usd, sum(unpriced)::bigint as unpriced
    from usage_hourly group by organization_id, date_trunc('month', hour, 'UTC')`,
)
