import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import type { ManagementDeps } from '../../deps.ts'
import { UUID, uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { forgetPrices } from '../../usage/pricing/own-prices.ts'
import { deletePriceRow, findPriceRow, hasRoom, insertPrice, isPrice, listPriceRows, type PriceRow } from './queries.ts'
import type { NewPrice, Price, PriceListQuery } from './schemas.ts'

type View = z.output<typeof Price>

export async function listOwnPrices(deps: ManagementDeps, filter: z.output<typeof PriceListQuery>): Promise<View[]> {
  return (await listPriceRows(deps.db, filter)).map(toView)
}

/**
 * Adds a price. Every isolate applies it within six seconds (usage/pricing/own-prices.ts). Usage that was recorded before keeps
 * its recorded cost.
 *
 * @throws Problem `price_exists`, `price_limit_reached`
 */
export async function createPrice(
  deps: ManagementDeps,
  operator: Operator,
  { usd_per_million, usd_per_unit, valid_from, ...named }: z.output<typeof NewPrice>,
): Promise<View> {
  const now = new Date(deps.now())
  const row: PriceRow = {
    ...named,
    id: uuidv7(deps.now()),
    usdPerMillion: usd_per_million ?? null,
    usdPerUnit: usd_per_unit ?? null,
    validFrom: valid_from === undefined ? now : new Date(valid_from),
    createdAt: now,
  }
  try {
    await runBatch(deps.db, {
      room: requireThat(deps.db, hasRoom(), 'price_limit_reached'),
      price: insertPrice(deps.db, row),
      audit: audited(deps, { action: 'admin.price_created', ...toEntry(operator, row) }),
      answer: await keepAnswer(deps, 201, toView(row)),
    })
  } catch (error) {
    if (brokenConstraint(error) === 'model_prices_unique') throw new Problem('price_exists')
    throw error
  }
  forgetPrices()
  return toView(row)
}

/** @throws Problem `price_not_found` */
export async function deletePrice(deps: ManagementDeps, operator: Operator, id: string): Promise<void> {
  const row = UUID.test(id) ? await findPriceRow(deps.db, id) : undefined
  if (!row) throw new Problem('price_not_found')
  await runBatch(deps.db, {
    found: requireThat(deps.db, isPrice(row.id), 'price_not_found'),
    audit: audited(deps, { action: 'admin.price_deleted', ...toEntry(operator, row) }),
    price: deletePriceRow(deps.db, row.id),
  })
  forgetPrices()
}

function toEntry(actor: Operator, row: PriceRow) {
  const { id, created_at: _created, ...detail } = toView(row)
  return { actor, target: { type: 'model_price', id }, detail } as const
}

const toView = (row: PriceRow): View => ({
  id: row.id,
  provider: row.provider,
  model: row.model,
  kind: row.kind,
  usd_per_million: trimZeros(row.usdPerMillion),
  usd_per_unit: trimZeros(row.usdPerUnit),
  valid_from: row.validFrom.toISOString(),
  created_at: row.createdAt.toISOString(),
})

/** Keeps at least six decimals, like all amounts of money. */
const trimZeros = (usd: string | null) => usd && usd.replace(/(?<=\.\d{6}\d*?)0+$/, '')
