import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, jsonb, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz, updatedAt } from './columns.ts'
import { organizations } from './organizations.ts'
import { plans } from './plans.ts'
import { type BookedAddons, INTERVALS, type PendingChange, type RefundedCharges } from './shapes.ts'

const SUBSCRIPTION_STATUSES = ['incomplete', 'trialing', 'active', 'past_due', 'paused', 'canceled', 'unpaid'] as const

/** What an organization has bought from its billing provider. At most one is current. */
export const subscriptions = pgTable(
  'subscriptions',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    provider: text({ enum: ['polar', 'stripe'] }).notNull(),
    providerSubscriptionId: text().notNull(),
    providerCustomerId: text().notNull(),
    planId: text()
      .notNull()
      .references(() => plans.id),
    /** The plan that starts when the period ends, after a downgrade. */
    pendingPlanId: text().references(() => plans.id),
    /** Everything that changes when the period ends. Null if nothing does. */
    pending: jsonb().$type<PendingChange>(),
    interval: text({ enum: INTERVALS }).notNull().default('month'),
    /** ISO 4217, in lower case. */
    currency: text().notNull().default('usd'),
    /** Null if the plan has no seats. */
    seats: integer(),
    addons: jsonb().$type<BookedAddons>().notNull().default({}),
    status: text({ enum: SUBSCRIPTION_STATUSES }).notNull(),
    currentPeriodStart: timestamptz(),
    currentPeriodEnd: timestamptz(),
    cancelAtPeriodEnd: boolean().notNull().default(false),
    pauseAtPeriodEnd: boolean().notNull().default(false),
    trialEnd: timestamptz(),
    pastDueSince: timestamptz(),
    endedAt: timestamptz(),
    /** The provider's timestamp of the state in this row. */
    providerUpdatedAt: timestamptz(),
    /**
     * The time of the latest charge that was later refunded in full. While it lies in the current period, the
     * subscription is not in force.
     */
    refundedChargeAt: timestamptz(),
    /** The charges behind it. A refund that fails, or a dispute that is won after all, takes its own away again. */
    refundedCharges: jsonb().$type<RefundedCharges>().notNull().default({}),
    /** The subscription that decides the organization's plan. */
    isCurrent: boolean().notNull().default(false),
    /**
     * Raised by every write. A state fetched from the provider is written only if the revision has not changed
     * meanwhile.
     */
    revision: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('subscriptions_provider_unique').on(t.provider, t.providerSubscriptionId),
    uniqueIndex('subscriptions_one_current').on(t.organizationId).where(sql`${t.isCurrent}`),
    index('subscriptions_organization').on(t.organizationId, t.createdAt),
    index('subscriptions_customer').on(t.provider, t.providerCustomerId),
    check('subscriptions_provider', sql`${t.provider} in ('polar', 'stripe')`),
  ],
)

/** Inbox of provider webhooks: stored in full before anything is done, applied once. */
export const billingEvents = pgTable(
  'billing_events',
  {
    id: uuid().primaryKey(),
    provider: text({ enum: ['polar', 'stripe'] }).notNull(),
    eventId: text().notNull(),
    type: text().notNull(),
    organizationId: uuid().references(() => organizations.id, { onDelete: 'set null' }),
    /** JSON's null once it is 90 days old (privacy/erase-old.ts). */
    payload: jsonb().notNull(),
    state: text({ enum: ['received', 'processing', 'done', 'failed'] })
      .notNull()
      .default('received'),
    /** A claim older than this can be taken over: its worker died. */
    claimedUntil: timestamptz(),
    attempts: integer().notNull().default(0),
    error: text(),
    /** The result, in a word or a sentence, once it is processed. */
    outcome: text(),
    occurredAt: timestamp({ withTimezone: true }).notNull(),
    receivedAt: createdAt(),
    processedAt: timestamptz(),
  },
  (t) => [
    uniqueIndex('billing_events_provider_unique').on(t.provider, t.eventId),
    index('billing_events_organization').on(t.organizationId, t.receivedAt),
    index('billing_events_open').on(t.receivedAt).where(sql`${t.state} <> 'done'`),
    check('billing_events_state', sql`${t.state} in ('received', 'processing', 'done', 'failed')`),
  ],
)
