import * as z from 'zod'
import { type Counter, type CounterColumn, isMoney, type MoneyMeter } from '../db/schema/meters.ts'
import { money } from '../http/amounts.ts'

/** Descriptions of figures whose name is not enough. */
const FIGURES: Readonly<Partial<Record<string, z.ZodInt>>> = {
  unpriced: z.int().meta({ description: 'Events whose model has no known price. Their cost is not in `cost_usd`.' }),
}

type FigureSchemas<Name extends string> = Record<Exclude<Name, MoneyMeter>, z.ZodInt> &
  Record<Name & MoneyMeter, typeof money>

/** The schemas of figures, by name. */
export function figureSchemas<Name extends Counter | CounterColumn>(names: readonly Name[]): FigureSchemas<Name> {
  const schemas = names.map((name) => [name, isMoney(name) ? money : (FIGURES[name] ?? z.int())])
  return Object.fromEntries(schemas) as FigureSchemas<Name>
}
