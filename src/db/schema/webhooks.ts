import { sql } from 'drizzle-orm'
import { boolean, index, integer, jsonb, pgTable, smallint, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz, updatedAt } from './columns.ts'
import { organizations } from './organizations.ts'

/** Where an organization receives events, as signed requests (Standard Webhooks). */
export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    /** Whether it receives the events of every organization: an operator's endpoint, set up by an administrator. */
    isOperator: boolean().notNull().default(false),
    url: text().notNull(),
    description: text(),
    /** Event types; empty for all. */
    events: text().array().notNull().default([]),
    /** The signing secret, encrypted. Every delivery needs it in the clear. */
    secret: bytea().notNull(),
    /**
     * The secret before the last rotation, also encrypted. Deliveries are signed with both until `previousSecretUntil`.
     */
    previousSecret: bytea(),
    previousSecretUntil: timestamptz(),
    isActive: boolean().notNull().default(true),
    /** Why Tollgate disabled it. */
    disabledReason: text(),
    /** Consecutive events that were given up. A delivered event resets it to 0. */
    failedEvents: integer().notNull().default(0),
    /** When the last attempt began. The endpoint with the oldest attempt comes first. */
    triedAt: timestamptz(),
    /** Until this time only that attempt may send to the endpoint. Null once it has ended. */
    busyUntil: timestamptz(),
    /** Until when the endpoint asked not to be called (`Retry-After`). */
    pausedUntil: timestamptz(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    index('webhook_endpoints_organization').on(t.organizationId, t.id),
    index('webhook_endpoints_operator').on(t.id).where(sql`${t.isOperator}`),
  ],
)

/** One event for one endpoint: first queued, then the record of its delivery. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: uuid().primaryKey(),
    organizationId: uuid().notNull(),
    endpointId: uuid()
      .notNull()
      .references(() => webhookEndpoints.id, { onDelete: 'cascade' }),
    /** `webhook-id`: the same on every attempt. */
    eventId: text().notNull(),
    type: text().notNull(),
    payload: jsonb().notNull(),
    /** The organization whose state it contains, while a newer state would replace it; null for other events. */
    stateOf: uuid(),
    state: text({ enum: ['pending', 'delivered', 'failed'] })
      .notNull()
      .default('pending'),
    attempts: integer().notNull().default(0),
    /** When it is due. Null once it is delivered or given up. */
    nextAttemptAt: timestamptz(),
    lastStatusCode: smallint(),
    lastError: text(),
    responseTimeMs: integer(),
    createdAt: createdAt(),
    deliveredAt: timestamptz(),
    /** The request that caused it; null if a job did. */
    requestId: text(),
  },
  (t) => [
    index('webhook_deliveries_endpoint').on(t.endpointId, t.id),
    /** An event goes to an endpoint once, even if two runs of a job find it. */
    uniqueIndex('webhook_deliveries_event').on(t.endpointId, t.eventId),
    /** Per endpoint, only one state of an organization waits for its first attempt. */
    uniqueIndex('webhook_deliveries_state')
      .on(t.endpointId, t.stateOf)
      .where(sql`${t.stateOf} is not null and ${t.attempts} = 0 and ${t.nextAttemptAt} is not null`),
    index('webhook_deliveries_created').on(t.createdAt),
    index('webhook_deliveries_due').on(t.nextAttemptAt).where(sql`${t.nextAttemptAt} is not null`),
    index('webhook_deliveries_failed').on(t.createdAt).where(sql`${t.state} = 'failed'`),
  ],
)
