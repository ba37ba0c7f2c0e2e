import { boolean, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { createdAt, updatedAt } from './columns.ts'
import type { PlanFeatures, PlanLimits, PlanOverage } from './shapes.ts'

/** The catalogue. Seeded from code, then owned by the operator. */
export const plans = pgTable('plans', {
  /** A short name such as `free`; what a verdict and a user's `subscription_tier` say. */
  id: text().primaryKey(),
  name: text().notNull(),
  /** In US cents; null when the price is agreed upon in person. */
  pricePerMonthCents: integer(),
  limits: jsonb().$type<PlanLimits>().notNull(),
  features: jsonb().$type<PlanFeatures>().notNull(),
  /** Prices of what is used above the limits. */
  overage: jsonb().$type<PlanOverage>().notNull().default({}),
  /** Shown to customers. */
  isPublic: boolean().notNull().default(true),
  sortOrder: integer().notNull().default(0),
  polarProductId: text(),
  stripePriceId: text(),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
})
