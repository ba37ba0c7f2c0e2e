import type * as z from 'zod'
import { ALL_METERS, isBuiltIn } from '../../db/schema/meters.ts'
import type { AlertAmount } from '../../db/schema/shapes.ts'
import type { Deps } from '../../deps.ts'
import type { FieldError } from '../../field-errors.ts'
import { customLimit, limitInput } from '../../http/amounts.ts'
import { describeUnknown } from '../../lib/unknown-fields.ts'
import { findMeters, type MeterCatalog } from '../../limits/meters/catalog.ts'
import { readScaled } from '../../limits/meters/quantities.ts'
import { Problem } from '../../problems.ts'
import type { NewAlertAmount } from './schemas.ts'

type Input = z.output<typeof NewAlertAmount>
type Flaw = Omit<FieldError, 'path'> & { readonly field: 'meter' | 'amount' }

/**
 * Requires that every meter exists and that every amount is valid for its meter.
 *
 * @returns each amount once, sorted by meter, kind and amount
 * @throws Problem `invalid_request` that names each field, `unavailable` when the meters cannot be read
 */
export async function resolveAmounts(
  deps: Pick<Deps, 'sql' | 'now'>,
  inputs: readonly Input[],
): Promise<readonly AlertAmount[]> {
  const slugs = inputs.flatMap(({ meter }) => (isBuiltIn(meter) ? [] : [meter]))
  const meters = slugs.length > 0 ? await findMeters(deps as Deps, slugs) : {}
  const read = inputs.map((input) => readAmount(input, meters))
  const errors = read.flatMap((one, at) =>
    typeof one === 'number' ? [] : [{ path: `body.amounts.${at}.${one.field}`, message: one.message }],
  )
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
  const amounts = inputs.map(({ meter, kind }, at): AlertAmount => ({ meter, kind, amount: read[at] as number }))
  const byKey = new Map(amounts.map((one) => [`${one.meter} ${one.kind} ${one.amount}`, one]))
  return [...byKey.values()].toSorted(compare)
}

function compare(a: AlertAmount, b: AlertAmount): number {
  if (a.meter !== b.meter) return a.meter < b.meter ? -1 : 1
  return a.kind === b.kind ? a.amount - b.amount : a.kind === 'usage' ? -1 : 1
}

function readAmount({ meter, amount }: Input, meters: MeterCatalog): number | Flaw {
  if (isBuiltIn(meter)) return parseAmount(limitInput(meter), amount)
  const own = Object.hasOwn(meters, meter) ? meters[meter] : undefined
  if (!own) {
    const known = [...ALL_METERS, ...Object.keys(meters)]
    return { field: 'meter', message: describeUnknown(meter, known, 'meter') }
  }
  const parsed = parseAmount(customLimit, amount)
  const counted = typeof parsed === 'number' ? readScaled(parsed, own.scale) : 0
  return typeof counted === 'string' ? { field: 'amount', message: counted } : parsed
}

function parseAmount(schema: z.ZodType<number>, amount: Input['amount']): number | Flaw {
  const { data, error } = schema.safeParse(amount)
  if (data === undefined) return { field: 'amount', message: error?.issues[0]?.message ?? 'must be an amount' }
  return data === 0 ? { field: 'amount', message: 'must be above 0' } : data
}
