import * as z from 'zod'
import { AMOUNTS } from '../db/schema/meters.ts'
import { anyAmount, forEachAmount, money } from '../http/amounts.ts'
import { organizationRef, timestamp } from '../http/fields.ts'
import { CALENDAR_PERIODS } from '../lib/calendar.ts'
import { figureSchemas, quantitySums } from './figure-schemas.ts'

const sums = {
  requests: z.int(),
  ...figureSchemas(AMOUNTS),
  errors: z.int(),
  avg_response_time_ms: z.number().nullable(),
  quantities: quantitySums,
}

export const PeriodQuery = z.strictObject({
  period: z
    .string()
    .regex(/^2\d{3}-(0[1-9]|1[0-2])$/, 'must be a month, such as 2026-11')
    .optional()
    .meta({ description: 'A calendar month in UTC, such as `2026-11`. Defaults to the current one.' }),
  ...organizationRef,
})

export const Statistics = z
  .object({
    period: z.string(),
    totals: z.object(sums),
    by_endpoint: z.array(z.object({ endpoint: z.string(), ...sums })),
    by_model: z.array(z.object({ model: z.string(), ...sums })),
    by_key: z.array(z.object({ key_id: z.uuid().nullable(), ...sums })),
    by_route: z.array(z.object({ route: z.string(), ...sums })),
    by_day: z.array(z.object({ day: z.iso.date(), ...sums })),
  })
  .meta({ id: 'UsageStatistics' })

const meterReading = <Schema extends z.ZodType>(amounts: Schema) =>
  z.object({
    limit: amounts.nullable(),
    used: amounts,
    held: amounts.meta({ description: 'Units that are reserved and not settled yet.' }),
    remaining: amounts.nullable(),
    percent: z.number().nullable(),
    overage: amounts.meta({ description: 'Usage above a limit that allows overage.' }),
    name: z
      .string()
      .optional()
      .meta({ description: 'The display name. Only for your own meters, like the next two fields.' }),
    unit: z.string().optional(),
    kind: z.enum(['counter', 'gauge']).optional(),
  })

const MeterReading = meterReading(z.number()).meta({ id: 'MeterReading' })
const MoneyMeterReading = meterReading(money).meta({ id: 'MoneyMeterReading' })

const ofLimit = (description: string) => anyAmount.nullable().meta({ description })

const OrganizationLimit = z
  .object({
    name: z.string(),
    meter: z.string().meta({ description: 'What it counts, such as `requests` or `tokens`.' }),
    limit: anyAmount,
    window_seconds: z.int().optional().meta({ description: 'How long a unit counts. Either this or `period`.' }),
    period: z.enum(CALENDAR_PERIODS).optional(),
    per: z.literal('subject').optional().meta({ description: 'Set if each subject has this limit to itself.' }),
    cost: z
      .int()
      .optional()
      .meta({ description: 'Only for `requests`: the units that a verification takes by default.' }),
    used: ofLimit('Null for a limit of each subject, and while it cannot be read. So are the next three.'),
    held: ofLimit('Units that are reserved and not settled yet.'),
    remaining: ofLimit('What is neither used nor held.'),
    resets_at: timestamp.nullable().meta({ description: 'When all units are available again.' }),
  })
  .meta({ id: 'OrganizationLimit' })

export const Quotas = z
  .object({
    period: z.string(),
    resets_at: timestamp,
    plan: z.string(),
    rate_limit_per_minute: z.int(),
    max_api_keys: z.int(),
    organization_limits: z
      .array(OrganizationLimit)
      .meta({ description: 'Limits in which all keys of the organization count together.' }),
    max_concurrent: z
      .object({
        limit: z.int(),
        open: z
          .int()
          .nullable()
          .meta({ description: 'The number of open reservations; null while it cannot be read.' }),
      })
      .nullable()
      .meta({ description: 'The maximum number of open reservations; null for any number.' }),
    meters: z
      .object(forEachAmount(MeterReading, MoneyMeterReading))
      .catchall(z.union([MeterReading, MoneyMeterReading]))
      .meta({ description: 'Built-in meters, and your own by slug.' }),
    credits: z
      .object({
        balance: money.meta({ description: 'What is left, including what is held.' }),
        held: money.meta({ description: 'What open reservations hold.' }),
      })
      .optional()
      .meta({ description: 'Absent for an organization that uses no prepaid credits.' }),
    features: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Quotas' })
