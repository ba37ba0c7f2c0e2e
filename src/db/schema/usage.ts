import {
  bigint,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytea, createdAt, moment } from './columns.ts'

const count = () => bigint({ mode: 'number' }).notNull().default(0)
const usd = () => numeric({ precision: 24, scale: 9 })

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
    /** When it happened, by which its raw event is found again; of verifications, since those are completed later. */
    occurredAt: moment(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.key] }), index('usage_dedupe_first_seen').on(t.firstSeen)],
)

/**
 * What the first report of a verified request says of it, until that request is counted there (metering/complete.ts). Such
 * a row is gone a moment later, unless the verification is not written yet.
 */
export const usageCompletions = pgTable(
  'usage_completions',
  {
    organizationId: uuid().notNull(),
    requestId: text().notNull(),
    /** 0 and empty texts where the report does not say: the request stays where it is. */
    statusCode: smallint().notNull(),
    provider: text().notNull(),
    model: text().notNull(),
    route: text().notNull(),
    createdAt: createdAt(),
    /** Whose turn it is: those that were looked at longest ago are the next. */
    triedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.requestId] }),
    index('usage_completions_created').on(t.createdAt),
    index('usage_completions_tried').on(t.triedAt),
  ],
)

/** Requests whose verification is stored under another id than theirs: those with an idempotency key, and their repeats. */
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

/**
 * What was spooled to Redis while this database was away, and what of it was written since: by this the loss of the spool is
 * noticed. The isolate that spooled a batch and the job that drained it write their halves in either order.
 */
export const usageSpoolReceipts = pgTable(
  'usage_spool_receipts',
  {
    id: uuid().primaryKey(),
    events: integer().notNull().default(0),
    /** Ids of organizations, or of keys where only those were known. */
    organizations: jsonb().$type<readonly string[]>().notNull().default([]),
    drainedAt: moment(),
    createdAt: createdAt(),
  },
  (t) => [index('usage_spool_receipts_created').on(t.createdAt)],
)

/**
 * Organizations that are deleted, while their raw events may still say something about persons: a job takes that out. No
 * reference: the row outlives the organization.
 */
export const usageErasures = pgTable('usage_erasures', {
  organizationId: uuid().primaryKey(),
  deletedAt: timestamp({ withTimezone: true }).notNull(),
  /** How far the job has come, in the order of the events' primary key; null before the first. */
  doneTime: moment(),
  doneId: text(),
})
