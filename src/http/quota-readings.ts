import * as z from 'zod'
import { forEachAmount, money } from './amounts.ts'
import { timestamp } from './fields.ts'

/** The reading of a quota whose amounts are of one kind. */
export const quotaReading = <Schema extends z.ZodType>(amounts: Schema) =>
  z.object({
    limit: amounts.nullable(),
    used: amounts,
    held: amounts.meta({ description: 'Reserved and not settled yet.' }),
    remaining: amounts.nullable(),
    resets_at: timestamp,
  })

const QuotaReading = quotaReading(z.number()).meta({ id: 'QuotaReading' })
const MoneyQuotaReading = quotaReading(money).meta({ id: 'MoneyQuotaReading' })

/** The quotas that an answer depended on, by meter. */
export const QuotaReadings = z
  .object(forEachAmount(QuotaReading.optional(), MoneyQuotaReading.optional()))
  .catchall(z.union([QuotaReading, MoneyQuotaReading]))
  .meta({ id: 'QuotaReadings' })
