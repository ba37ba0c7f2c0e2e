import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { modelPrices } from '../../db/schema/prices.ts'
import { equals } from '../filter.ts'

export type PriceRow = typeof modelPrices.$inferSelect

/** Every isolate that prices events keeps all of them in memory. */
const MAX_PRICES = 1_000

interface PriceFilter {
  readonly provider?: string | undefined
  readonly model?: string | undefined
}

/** By provider, model and kind, newest first. */
export const listPriceRows = (db: Database, { provider, model }: PriceFilter) =>
  db
    .select()
    .from(modelPrices)
    .where(and(equals(modelPrices.provider, provider), equals(modelPrices.model, model)))
    .orderBy(asc(modelPrices.provider), asc(modelPrices.model), asc(modelPrices.kind), desc(modelPrices.validFrom))

export async function findPriceRow(db: Database, id: string): Promise<PriceRow | undefined> {
  const [row] = await db.select().from(modelPrices).where(eq(modelPrices.id, id))
  return row
}

export const hasRoom = (): SQL => sql`(select count(*) from model_prices) < ${MAX_PRICES}`

export const isPrice = (id: string): SQL => sql`exists (select 1 from model_prices p where p.id = ${id}::uuid)`

/** Violates `model_prices_unique` if there is a duplicate. */
export const insertPrice = (db: Database, row: PriceRow) => db.insert(modelPrices).values(row)

export const deletePriceRow = (db: Database, id: string) => db.delete(modelPrices).where(eq(modelPrices.id, id))
