import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  numeric,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { createdAt, timestamptz, updatedAt } from './columns.ts'
import { organizations } from './organizations.ts'

/** US dollars, exact to the nano-dollar. */
const usd = () => numeric({ precision: 24, scale: 9 })

const ofOrganization = () =>
  uuid()
    .notNull()
    .references(() => organizations.id, { onDelete: 'cascade' })

export const CREDIT_SOURCES = ['purchase', 'plan', 'admin', 'refund'] as const
export type CreditSource = (typeof CREDIT_SOURCES)[number]

/**
 * - `grant`: credits were added.
 * - `burn`: a charge was paid. `return`: a charge was corrected to less after it was paid.
 * - `expire`, `revoke`, `refund`: the rest of a grant was removed because it expired, by the operator, or with its payment.
 * - `correct`: the operator changed a grant, up or down.
 */
export const CREDIT_KINDS = ['grant', 'burn', 'return', 'expire', 'revoke', 'refund', 'correct'] as const
export type CreditKind = (typeof CREDIT_KINDS)[number]

/**
 * An organization that uses credits: it has had a grant, or is on a plan that includes credits. A trigger inserts the row with
 * the plan (migration 0068), so that the first grant also pays for charges before it.
 */
export const creditAccounts = pgTable('credit_accounts', {
  organizationId: ofOrganization().primaryKey(),
  /** What the organization was charged in all its periods before `beganAt`. Credits do not pay for that. */
  chargedBefore: usd().notNull(),
  /** When the organization moved to a plan that includes credits, or got its first grant. */
  beganAt: timestamptz().notNull().defaultNow(),
  /** The sum of all rows of the ledger except `burn` and `return`. */
  granted: usd().notNull().default('0'),
  /** The sum of `burn` and `return` rows, negated. `granted - burned` is the balance. */
  burned: usd().notNull().default('0'),
  /**
   * On a plan that continues without credits: the part of the uncovered charges that it does not cover, because they are from
   * a plan that refuses. The next grant pays it.
   */
  owed: usd().notNull().default('0'),
  /** The amount of the latest grant. A balance below a share of it is low. */
  lastGranted: usd().notNull().default('0'),
  /** The balance that the organization chose to count as low. Null for the share. */
  lowBalance: usd(),
  /** When endpoints were notified of a low or exhausted balance since the latest grant. */
  lowToldAt: timestamptz(),
  exhaustedToldAt: timestamptz(),
  updatedAt: updatedAt(),
})

/** Credits that were added at once, and how many of them are left. */
export const creditGrants = pgTable(
  'credit_grants',
  {
    id: uuid().primaryKey(),
    organizationId: ofOrganization(),
    /** The granted amount, including corrections. */
    amount: usd().notNull(),
    remaining: usd().notNull(),
    burned: usd().notNull().default('0'),
    /** Of grants that expire at the same time, the one with the lower number burns first. */
    priority: integer().notNull().default(0),
    source: text({ enum: CREDIT_SOURCES }).notNull(),
    reason: text(),
    /** Null for never. */
    expiresAt: timestamptz(),
    revokedAt: timestamptz(),
    /**
     * For credits that a plan includes: the usage period that they are for, and the part of the amount that the plan does not
     * include: credits left over from the last period, and corrections. Below 0 if corrections removed more.
     */
    periodStart: timestamptz(),
    rolledOver: usd(),
    /**
     * The part of the amount that was paid for. Null unless the plan was refunded or not paid, and its credits were
     * taken back.
     */
    kept: usd(),
    createdAt: createdAt(),
  },
  (t) => [
    index('credit_grants_live').on(t.organizationId, t.expiresAt, t.priority, t.id).where(sql`${t.remaining} > 0`),
    index('credit_grants_expiry').on(t.expiresAt).where(sql`${t.remaining} > 0`),
    index('credit_grants_period').on(t.organizationId, t.periodStart).where(sql`${t.source} = 'plan'`),
    check('credit_grants_source', sql`${t.source} in ('purchase', 'plan', 'admin', 'refund')`),
    check(
      'credit_grants_amounts',
      sql`${t.remaining} >= 0 and ${t.burned} >= 0 and ${t.remaining} + ${t.burned} <= ${t.amount}`,
    ),
  ],
)

/** Every change of a balance. Append-only; the sum of an organization's rows is its balance. Kept after the organization. */
export const creditLedger = pgTable(
  'credit_ledger',
  {
    id: uuid().primaryKey(),
    organizationId: uuid().notNull(),
    grantId: uuid().notNull(),
    kind: text({ enum: CREDIT_KINDS }).notNull(),
    /** Above 0 adds to the balance. */
    amount: usd().notNull(),
    reason: text(),
    createdAt: createdAt(),
  },
  (t) => [
    index('credit_ledger_organization').on(t.organizationId, t.id),
    index('credit_ledger_created').on(t.createdAt).where(sql`${t.kind} in ('grant', 'expire')`),
    check('credit_ledger_kind', sql`${t.kind} in ('grant', 'burn', 'return', 'expire', 'revoke', 'refund', 'correct')`),
    check('credit_ledger_amount', sql`${t.amount} <> 0`),
  ],
)

/**
 * Purchased credits, by the provider's id of the payment. A refund may be reported before its payment: the row contains
 * what is known so far.
 */
export const creditPurchases = pgTable(
  'credit_purchases',
  {
    id: uuid().primaryKey(),
    organizationId: ofOrganization(),
    provider: text({ enum: ['polar', 'stripe'] }).notNull(),
    /** Polar's order, or Stripe's payment intent. */
    paymentId: text().notNull(),
    /** The customer at the provider, for the next purchase. */
    providerCustomerId: text(),
    /** US cents of credits; null until the payment is reported. */
    creditCents: bigint({ mode: 'number' }),
    /** Null until the payment is reported. */
    grantId: uuid(),
    paidCents: bigint({ mode: 'number' }).notNull().default(0),
    /** The highest refunded amount that the provider reported, in cents. {@link paymentReversals} has the outcome. */
    refundedCents: bigint({ mode: 'number' }).notNull().default(0),
    /** Refunded credits: those that were left, and as `shortfall` those that had burned and cannot be taken back. */
    takenBack: usd().notNull().default('0'),
    shortfall: usd().notNull().default('0'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('credit_purchases_payment_unique').on(t.provider, t.paymentId),
    index('credit_purchases_organization').on(t.organizationId, t.createdAt),
    check('credit_purchases_provider', sql`${t.provider} in ('polar', 'stripe')`),
  ],
)

/**
 * Money that went back: refunds and lost disputes. A refund may fail after it was reported, and a dispute may be won
 * after all. Unknown payments are included: a refund may be reported before its payment, and does not say what was bought.
 */
export const paymentReversals = pgTable(
  'payment_reversals',
  {
    provider: text({ enum: ['polar', 'stripe'] }).notNull(),
    /** The provider's id of the refund or dispute. */
    id: text().notNull(),
    paymentId: text().notNull(),
    kind: text({ enum: ['refund', 'dispute'] }).notNull(),
    /** In the smallest unit of the currency. */
    cents: bigint({ mode: 'number' }).notNull(),
    /** ISO 4217, in lower case. Credits are in US dollars: amounts in other currencies count for nothing. */
    currency: text().notNull(),
    /** The money did not go back after all. This is final. */
    isUndone: boolean().notNull(),
    /** The provider's sum of the payment's refunds once included this amount. This is final. */
    wasSummed: boolean().notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.provider, t.id] }),
    index('payment_reversals_payment').on(t.provider, t.paymentId),
    check('payment_reversals_kind', sql`${t.kind} in ('refund', 'dispute')`),
  ],
)

/** The most that an organization allows itself to be charged in a usage period. */
export const spendCaps = pgTable(
  'spend_caps',
  {
    organizationId: ofOrganization().primaryKey(),
    costUsd: usd().notNull(),
    action: text({ enum: ['block', 'alert'] }).notNull(),
    /** The last period in which endpoints or people were notified that the cap is reached. */
    toldPeriod: timestamp({ withTimezone: true }),
    /** The last period in which the cap refused a request because too little of it was left. */
    refusedPeriod: timestamp({ withTimezone: true }),
    updatedAt: updatedAt(),
  },
  (t) => [check('spend_caps_action', sql`${t.action} in ('block', 'alert')`)],
)
