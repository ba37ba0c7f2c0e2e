import { boolean, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { createdAt, updatedAt } from './columns.ts'
import type { PlanFeatures, PlanLimits, PlanOverage } from './shapes.ts'

/** The catalogue. Seeded from code, then owned by the operator. */
export const plans = pgTable('plans', {
  /** A short name such as `free`. Verdicts and a user's `subscription_tier` contain it. */
  id: text().primaryKey(),
  name: text().notNull(),
  /** In US cents. Null if the price is negotiated. */
  pricePerMonthCents: integer(),
  limits: jsonb().$type<PlanLimits>().notNull(),
  features: jsonb().$type<PlanFeatures>().notNull(),
  /** Prices of use above the limits. */
  overage: jsonb().$type<PlanOverage>().notNull().default({}),
  /** Shown to customers. */
  isPublic: boolean().notNull().default(true),
  sortOrder: integer().notNull().default(0),
  polarProductId: text(),
  stripePriceId: text(),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
})
