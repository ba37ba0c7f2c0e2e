import * as z from 'zod'
import { type Counter, type CounterColumn, isMoneyColumn, type MoneyColumn } from '../db/schema/meters.ts'
import { money } from '../http/amounts.ts'

/** Amounts of custom meters. */
export const quantitySums = z.record(z.string(), z.number()).meta({
  description: 'Amounts of your own meters, by slug. Meters without usage are absent.',
  example: { images: 3 },
})

export const COST = 'US dollars, a decimal string: to customers what they pay, to the operator what the provider takes.'
export const CHARGE = 'US dollars, a decimal string: what the customer pays. Only the operator sees it beside the cost.'

/** Descriptions of figures whose name is not enough. */
const FIGURES: Readonly<Partial<Record<string, z.ZodType>>> = {
  unpriced: z.int().meta({ description: 'Events whose model has no known price. Their cost is not in `cost_usd`.' }),
  cost_usd: money.meta({ description: COST }),
  charge_usd: money.optional().meta({ description: CHARGE }),
}

type FigureSchemas<Name extends string> = Record<Exclude<Name, MoneyColumn>, z.ZodInt> &
  Record<Name & 'cost_usd', typeof money> &
  Record<Name & 'charge_usd', z.ZodOptional<typeof money>>

/** The schemas of figures, by name. */
export function figureSchemas<Name extends Counter | CounterColumn>(names: readonly Name[]): FigureSchemas<Name> {
  const schemas = names.map((name) => [name, FIGURES[name] ?? (isMoneyColumn(name) ? money : z.int())])
  return Object.fromEntries(schemas) as FigureSchemas<Name>
}
