import {
  bigint,
  boolean,
  index,
  integer,
  json,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz } from './columns.ts'

const count = () => bigint({ mode: 'number' }).notNull().default(0)
const usd = () => numeric({ precision: 24, scale: 9 })

/**
 * Every event id that a client chose, so that no event counts twice (metering/claim-ids.ts). A separate table: a unique
 * key on the partitioned events would have to contain the partition key, and would miss a repeat across the end of a month.
 * Partitioned by generation (see the migration). Whole partitions are dropped.
 */
export const usageDedupe = pgTable(
  'usage_dedupe',
  {
    organizationId: uuid().notNull(),
    /** SHA-256 of the event id. */
    key: bytea().notNull(),
    /** SHA-256 of the event's body: the same id with another body is a conflict, not a repeat. */
    payloadHash: bytea().notNull(),
    /** Always null: the previous release uses it to decide what to prune. */
    firstSeen: timestamptz(),
    /** When the event happened, to find its raw event again: reports complete verifications, and operators correct reports. */
    occurredAt: timestamptz(),
    /** When it was claimed, in spans of 12 days since 1970. Its default, in the migration, is for the previous release. */
    generation: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.key, t.generation] })],
)

/**
 * The data of the first report of a verified request, until the request is moved (metering/complete.ts). A row exists
 * only for a moment, unless the verification is not written yet; after a day without one, the report counts as the
 * request (metering/complete-waiting.ts).
 */
export const usageCompletions = pgTable(
  'usage_completions',
  {
    organizationId: uuid().notNull(),
    requestId: text().notNull(),
    /** 0 and empty texts if the report does not say; the request then stays where it is. */
    statusCode: smallint().notNull(),
    provider: text().notNull(),
    model: text().notNull(),
    route: text().notNull(),
    /**
     * Whether the report says that the request failed. The previous release counts that error at once; it writes false.
     */
    isError: boolean().notNull().default(false),
    /**
     * The id and time of the report's raw event, which counts as the request if no verification arrives within a day.
     * Null in rows of the previous release.
     */
    reportId: text(),
    reportAt: timestamp({ withTimezone: true }),
    createdAt: createdAt(),
    /** When the row is due for its next attempt. In rows of the previous release: the time of the last attempt. */
    triedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.requestId] }),
    index('usage_completions_created').on(t.createdAt),
    index('usage_completions_tried').on(t.triedAt),
  ],
)

/** Requests whose verification is stored under another id: those with an idempotency key, and their repeats. */
export const usageRequestIds = pgTable(
  'usage_request_ids',
  {
    organizationId: uuid().notNull(),
    requestId: text().notNull(),
    eventId: text().notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.requestId] }), index('usage_request_ids_created').on(t.createdAt)],
)

/**
 * Raw events, partitioned by month of `occurred_at` (see the migration). Whole partitions are dropped after the
 * retention.
 */
export const usageEvents = pgTable(
  'usage_events',
  {
    organizationId: uuid().notNull(),
    id: text().notNull(),
    occurredAt: timestamp({ withTimezone: true }).notNull(),
    keyId: uuid(),
    userId: uuid(),
    environment: text().notNull().default(''),
    /** The end user of the operator's customer, as reported. */
    subject: text(),
    endpoint: text().notNull().default(''),
    method: text().notNull().default(''),
    statusCode: smallint().notNull().default(0),
    responseTimeMs: integer(),
    /** More than 1 if equal refusals were merged. */
    requests: integer().notNull().default(1),
    apiCalls: count(),
    queries: count(),
    inputTokens: count(),
    outputTokens: count(),
    cachedTokens: count(),
    /** Amounts of custom meters, by slug. */
    quantities: jsonb().$type<Readonly<Record<string, number>>>(),
    cacheWriteTokens: count(),
    audioInputTokens: count(),
    audioOutputTokens: count(),
    provider: text().notNull().default(''),
    model: text().notNull().default(''),
    /** What the provider charges. Null if the model has no known price. */
    costUsd: usd(),
    /** What the customer pays: the cost with the plan's markup, rounded once, and the price of its calls. Null if both are. */
    chargeUsd: usd(),
    /** The price of each of its calls for the customer. Null if they are free. */
    pricePerCallUsd: numeric({ precision: 20, scale: 9 }),
    /** The markup of the plan when the event was counted. Null with the cost. */
    markupPercent: numeric({ precision: 9, scale: 4 }),
    /** How the operator's system answered, as reported. */
    route: text().notNull().default(''),
    ip: text(),
    userAgent: text(),
    errorCode: text(),
    errorMessage: text(),
    metadata: jsonb().$type<Record<string, unknown>>(),
    /** How the operator voided or replaced it, and what it was before (usage/corrections/correct.ts). Null for nearly all. */
    correction: jsonb().$type<Record<string, unknown>>(),
    ingestedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
    /** For a verification: what it was decided from (metering/event.ts). For a report that completes a request: that one's id. */
    trace: json().$type<Record<string, unknown>>(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.occurredAt, t.id] }),
    /**
     * For requests of which only the time is known. It takes a few bytes per MB of events, which arrive in this order. Blocks are
     * summarized as they fill, because those that are not summarized are read whole.
     */
    index('usage_events_occurred').using('brin', t.occurredAt).with({ autosummarize: true }),
  ],
)

/**
 * Batches that were spooled to Redis while this database did not answer, and which of them were written since. They
 * detect the loss of the spool. The isolate that spooled a batch and the job that drained it write their halves in
 * either order.
 */
export const usageSpoolReceipts = pgTable(
  'usage_spool_receipts',
  {
    id: uuid().primaryKey(),
    events: integer().notNull().default(0),
    /** Ids of organizations, or of keys if only those were known. */
    organizations: jsonb().$type<readonly string[]>().notNull().default([]),
    drainedAt: timestamptz(),
    createdAt: createdAt(),
  },
  (t) => [index('usage_spool_receipts_created').on(t.createdAt)],
)

/**
 * Deleted organizations and erased subjects whose raw events may still contain personal data, which a job erases. No
 * reference: the row outlives the organization.
 */
export const usageErasures = pgTable(
  'usage_erasures',
  {
    organizationId: uuid().notNull(),
    /** Empty for all events of the organization. */
    subject: text().notNull().default(''),
    deletedAt: timestamp({ withTimezone: true }).notNull(),
    /** The job's position, in the order of the events' primary key. Null before the first event. */
    doneTime: timestamptz(),
    doneId: text(),
    /** When a run last processed it. A run begins with those that waited longest. Null before the first run. */
    workedAt: timestamptz(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.subject] })],
)
