import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz, updatedAt } from './columns.ts'
import type { OverageTier } from './shapes.ts'

const provider = () => text({ enum: ['polar', 'stripe'] })

/**
 * The overage terms of an organization's usage period, per meter with an overage price. They are written while the
 * period runs, so that late usage is charged by them. If the plan changes within a period, the terms with the most
 * included units apply: also those of a plan without a price, of which `tiers` and what belongs to a provider are null.
 */
export const billingTerms = pgTable(
  'billing_terms',
  {
    organizationId: uuid().notNull(),
    periodStart: timestamp({ withTimezone: true }).notNull(),
    meter: text().notNull(),
    planId: text().notNull(),
    /** Units without an extra charge; null for all. Units as they are billed: `cost_usd` in millionths of a dollar. */
    includedUnits: bigint({ mode: 'number' }),
    tiers: jsonb().$type<readonly OverageTier[]>(),
    provider: provider(),
    providerCustomerId: text(),
    /** What the provider calls this meter: its events at Polar, its lines on invoices at Stripe. */
    eventName: text(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.periodStart, t.meter] }),
    index('billing_terms_period').on(t.periodStart),
    check('billing_terms_provider', sql`${t.provider} in ('polar', 'stripe')`),
  ],
)

/**
 * Overage on its way to the billing provider: each row is written before it is sent. At Polar a row is an event; at Stripe
 * the rows of a meter and period that wait for the same invoice are one invoice item.
 */
export const billingUsageLedger = pgTable(
  'billing_usage_ledger',
  {
    /** Derived from what the row charges for. The provider's idempotency key is derived from it. */
    identifier: text().primaryKey(),
    organizationId: uuid().notNull(),
    provider: provider().notNull(),
    providerCustomerId: text().notNull(),
    eventName: text().notNull(),
    meter: text().notNull(),
    periodStart: timestamp({ withTimezone: true }).notNull(),
    /** Overage of the period that earlier rows contain. This row continues from there. */
    fromUnits: bigint({ mode: 'number' }).notNull(),
    units: bigint({ mode: 'number' }).notNull(),
    /** The row's share of the period's price, in millionths of a dollar. */
    amountMicroUsd: bigint({ mode: 'bigint' }).notNull(),
    /**
     * The row under whose identifier it is sent: its own at Polar, the first row of its invoice item at Stripe. Null while
     * it waits for an invoice item. Only the leading row is claimed; the others follow its state.
     */
    chargedWith: text(),
    /** On the leading row of an invoice item: the item's amount. The remaining fraction of a cent goes into the next item. */
    amountCents: bigint({ mode: 'bigint' }),
    /** The Stripe subscription whose renewal charges the invoice item; null for an invoice of its own. */
    providerSubscriptionId: text(),
    /** How often sending restarted with a new idempotency key: above 0, Stripe is asked first whether it has the item. */
    generation: integer().notNull().default(0),
    state: text({ enum: ['pending', 'sent', 'refused', 'unknown', 'written_off'] })
      .notNull()
      .default('pending'),
    /** The time of the usage, as the provider shows it. */
    occurredAt: timestamp({ withTimezone: true }).notNull(),
    /** A claim older than this can be taken over: its worker died, or the provider did not answer. */
    claimedUntil: timestamptz(),
    /** How often the provider answered. */
    attempts: integer().notNull().default(0),
    /** When it was first sent. From then on the provider may have it. */
    attemptedAt: timestamptz(),
    sentAt: timestamptz(),
    /** For an invoice of its own: its id at Stripe, and its state when it was last checked. */
    invoiceId: text(),
    invoiceState: text({ enum: ['open', 'unpaid', 'paid', 'void'] }),
    invoiceCheckedAt: timestamptz(),
    /** Why the provider refused it. */
    error: text(),
    createdAt: createdAt(),
  },
  (t) => [
    index('billing_usage_ledger_period').on(t.organizationId, t.periodStart, t.meter),
    index('billing_usage_ledger_created').on(t.createdAt, t.identifier),
    index('billing_usage_ledger_open')
      .on(t.provider, t.createdAt)
      .where(sql`${t.state} = 'pending' and ${t.chargedWith} = ${t.identifier}`),
    index('billing_usage_ledger_waiting')
      .on(t.organizationId, t.createdAt)
      .where(sql`${t.state} = 'pending' and ${t.chargedWith} is null`),
    index('billing_usage_ledger_invoices').on(t.invoiceId).where(sql`${t.invoiceState} in ('open', 'unpaid')`),
    index('billing_usage_ledger_charged_with').on(t.chargedWith),
    check('billing_usage_ledger_provider', sql`${t.provider} in ('polar', 'stripe')`),
    check('billing_usage_ledger_state', sql`${t.state} in ('pending', 'sent', 'refused', 'unknown', 'written_off')`),
    check('billing_usage_ledger_invoice_state', sql`${t.invoiceState} in ('open', 'unpaid', 'paid', 'void')`),
    check('billing_usage_ledger_units', sql`${t.units} > 0 and ${t.fromUnits} >= 0`),
  ],
)
