import { sql } from 'drizzle-orm'
import { boolean, check, integer, jsonb, numeric, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz, updatedAt } from './columns.ts'
import type { PlanAddon, PlanFeatures, PlanLimits, PlanOverage, PlanPrice, PlanSeats } from './shapes.ts'

export const AT_NO_CREDITS = ['block', 'allow'] as const

/**
 * The catalog of plans. Seeded from code, then owned by the operator. Each version of a plan is a row, so that a join
 * with an organization's plan reads the terms that apply to the organization.
 */
export const plans = pgTable(
  'plans',
  {
    /** A short name such as `free`; later versions add their number, such as `team@2` (db/plan-version.ts). */
    id: text().primaryKey(),
    /** When a newer version replaced it. Null for the newest. */
    replacedAt: timestamptz(),
    name: text().notNull(),
    /** One for each interval and currency. Empty if the price is negotiated. */
    prices: jsonb().$type<readonly PlanPrice[]>().notNull().default([]),
    /** How long a first subscription is free. */
    trialDays: integer().notNull().default(0),
    /** Null for any number of members. */
    seats: jsonb().$type<PlanSeats>(),
    addons: jsonb().$type<readonly PlanAddon[]>().notNull().default([]),
    limits: jsonb().$type<PlanLimits>().notNull(),
    features: jsonb().$type<PlanFeatures>().notNull(),
    /** Prices of use above the limits. */
    overage: jsonb().$type<PlanOverage>().notNull().default({}),
    /** Credits that each usage period begins with, in US dollars, and how many of the last period's stay. Null for none. */
    includedCreditsUsd: numeric({ precision: 24, scale: 9 }),
    rolloverMaxUsd: numeric({ precision: 24, scale: 9 }),
    /** Whether customers are refused once they have used credits and none are left. */
    atNoCredits: text({ enum: AT_NO_CREDITS }).notNull().default('block'),
    /** What a call costs customers, in US dollars. Null if it is free. */
    pricePerCallUsd: numeric({ precision: 20, scale: 9 }),
    /** What is added to the cost of models: customers are charged cost and markup. */
    markupPercent: numeric({ precision: 9, scale: 4, mode: 'number' }).notNull().default(0),
    /** Whether customers see it. */
    isPublic: boolean().notNull().default(true),
    sortOrder: integer().notNull().default(0),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('plans_one_newest').on(sql`split_part(${t.id}, '@', 1)`).where(sql`${t.replacedAt} is null`),
    check('plans_at_no_credits', sql`${t.atNoCredits} in ('block', 'allow')`),
  ],
)
