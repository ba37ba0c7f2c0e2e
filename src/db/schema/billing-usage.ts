import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { createdAt, moment, updatedAt } from './columns.ts'
import type { OverageTier } from './shapes.ts'

const provider = () => text({ enum: ['polar', 'stripe'] }).notNull()

/**
 * What one usage period of an organization is charged by, for each meter with an overage price: written while the period
 * runs, so that late usage is charged as it was agreed then. Of several plans in a period the one that includes most counts.
 */
export const billingTerms = pgTable(
  'billing_terms',
  {
    organizationId: uuid().notNull(),
    periodStart: timestamp({ withTimezone: true }).notNull(),
    meter: text().notNull(),
    planId: text().notNull(),
    /** Units that cost nothing more; null for all. Units are those that are counted: `cost_usd` in millionths of a dollar. */
    includedUnits: bigint({ mode: 'number' }),
    tiers: jsonb().$type<readonly OverageTier[]>().notNull(),
    provider: provider(),
    providerCustomerId: text().notNull(),
    /** What the provider calls events of this meter. */
    eventName: text().notNull(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.periodStart, t.meter] }),
    index('billing_terms_period').on(t.periodStart),
    check('billing_terms_provider', sql`${t.provider} in ('polar', 'stripe')`),
  ],
)

/** Overage on its way to the billing provider: each row is written before it is sent, and sent under its identifier alone. */
export const billingUsageLedger = pgTable(
  'billing_usage_ledger',
  {
    /** Made of what it is of; also the provider's idempotency key. */
    identifier: text().primaryKey(),
    organizationId: uuid().notNull(),
    provider: provider(),
    providerCustomerId: text().notNull(),
    eventName: text().notNull(),
    meter: text().notNull(),
    periodStart: timestamp({ withTimezone: true }).notNull(),
    /** Overage of the period that earlier rows hold; this one goes on from there. */
    fromUnits: bigint({ mode: 'number' }).notNull(),
    units: bigint({ mode: 'number' }).notNull(),
    /** Its share of the period's price, in millionths of a dollar. */
    amountMicroUsd: bigint({ mode: 'bigint' }).notNull(),
    state: text({ enum: ['pending', 'sent', 'refused', 'unknown', 'written_off'] })
      .notNull()
      .default('pending'),
    /** The moment that the provider is told it was used at. */
    occurredAt: timestamp({ withTimezone: true }).notNull(),
    /** A claim older than this is up for grabs: its worker died. */
    claimedUntil: moment(),
    attempts: integer().notNull().default(0),
    /** When it was first tried: from then on the provider may have it. */
    attemptedAt: moment(),
    sentAt: moment(),
    /** Why the provider did not take it. */
    error: text(),
    createdAt: createdAt(),
  },
  (t) => [
    index('billing_usage_ledger_period').on(t.organizationId, t.periodStart, t.meter),
    index('billing_usage_ledger_open').on(t.createdAt).where(sql`${t.state} = 'pending'`),
    check('billing_usage_ledger_provider', sql`${t.provider} in ('polar', 'stripe')`),
    check('billing_usage_ledger_state', sql`${t.state} in ('pending', 'sent', 'refused', 'unknown', 'written_off')`),
    check('billing_usage_ledger_units', sql`${t.units} > 0 and ${t.fromUnits} >= 0`),
  ],
)
