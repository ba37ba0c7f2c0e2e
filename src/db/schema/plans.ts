import { sql } from 'drizzle-orm'
import { boolean, integer, jsonb, numeric, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz, updatedAt } from './columns.ts'
import type { PlanAddon, PlanFeatures, PlanLimits, PlanOverage, PlanPrice, PlanSeats } from './shapes.ts'

/**
 * The catalogue. Seeded from code, then owned by the operator. Each version of a plan is a row, so that whoever joins
 * an organization's plan reads the terms that it is on.
 */
export const plans = pgTable(
  'plans',
  {
    /** A short name such as `free`; of a later version with its number, such as `team@2` (db/plan-version.ts). */
    id: text().primaryKey(),
    /** Since when a newer version is sold. Null for the newest. */
    replacedAt: timestamptz(),
    name: text().notNull(),
    /** One for each interval and currency. Empty if the price is negotiated. */
    prices: jsonb().$type<readonly PlanPrice[]>().notNull().default([]),
    /** How long a first subscription costs nothing. */
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
    /** What a call costs customers, in US dollars. Null for nothing. */
    pricePerCallUsd: numeric({ precision: 20, scale: 9 }),
    /** What is added to the cost of models: customers are charged cost and markup. */
    markupPercent: numeric({ precision: 9, scale: 4, mode: 'number' }).notNull().default(0),
    /** Shown to customers. */
    isPublic: boolean().notNull().default(true),
    sortOrder: integer().notNull().default(0),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [uniqueIndex('plans_one_newest').on(sql`split_part(${t.id}, '@', 1)`).where(sql`${t.replacedAt} is null`)],
)
