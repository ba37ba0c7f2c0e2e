import { sql } from 'drizzle-orm'
import { check, numeric, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz } from './columns.ts'
import { PRICE_KINDS } from './shapes.ts'

/** The operator's own prices of models. They take precedence over Tollgate's built-in list (usage/pricing/). */
export const modelPrices = pgTable(
  'model_prices',
  {
    id: uuid().primaryKey(),
    /** In lower case; `*` for any. */
    provider: text().notNull(),
    /** The name of a model in lower case, in which `*` stands for any characters. */
    model: text().notNull(),
    kind: text({ enum: PRICE_KINDS }).notNull(),
    /** US dollars: exactly one of the two is set. */
    usdPerMillion: numeric({ precision: 20, scale: 6 }),
    usdPerUnit: numeric({ precision: 20, scale: 12 }),
    validFrom: timestamptz().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('model_prices_unique').on(t.provider, t.model, t.kind, t.validFrom),
    check('model_prices_amount', sql`num_nonnulls(${t.usdPerMillion}, ${t.usdPerUnit}) = 1`),
  ],
)
