import * as z from 'zod'
import { METER_SLUG } from '../../db/schema/meter-names.ts'
import { COUNTERS, type Counter, FIGURES, forEachMeter, isMoneyColumn, METERS } from '../../db/schema/meters.ts'
import { money } from '../../http/amounts.ts'
import { listSchema, organizationRef, pageQuery, timestamp, uuid } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { DIMENSION_NAMES } from '../../metering/dimensions.ts'
import { REPORTED_COLUMNS } from '../../metering/functions/sums.ts'
import { CHARGE, COST, figureSchemas, quantitySums } from '../figure-schemas.ts'
import { normalizeName } from '../normalize-name.ts'
import { ORDERS } from './breakdown.ts'
import { isTimeZone } from './buckets.ts'
import { EXPORTS } from './export.ts'
import { OUTLOOKS } from './forecast-rules.ts'
import { COMPARED } from './summary.ts'

/** A time, or a day, which stands for its start. Postgres and JavaScript parse all of these alike. */
export const timestampOrDay = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], {
    error: 'must be a time such as 2026-11-01T12:00:00Z, or a day such as 2026-11-01',
  })
  .refine((value) => value >= '2000' && value < '2100', 'must be in this century')

const span = {
  from: timestampOrDay.optional().meta({ description: 'ISO 8601, or a day such as `2026-11-01` for its start.' }),
  to: timestampOrDay.optional().meta({ description: 'The exclusive end. Defaults to now.' }),
  ...organizationRef,
}

const emptyMeansNone = { description: 'An empty value selects events without one.' }

const filters = {
  key_id: uuid.optional(),
  endpoint: text(500).optional().meta(emptyMeansNone),
  model: text(200).transform(normalizeName).optional().meta(emptyMeansNone),
  provider: text(200).transform(normalizeName).optional().meta(emptyMeansNone),
  route: text(200).optional().meta(emptyMeansNone),
  status: z
    .string()
    .regex(/^[1-5]\d\d$/, 'must be an HTTP status from 100 to 599')
    .optional()
    .meta({ description: 'An HTTP status.' }),
  environment: text(100).optional().meta(emptyMeansNone),
}

export const SummaryQuery = z.strictObject(span)

export const TimeseriesQuery = z.strictObject({
  ...span,
  ...filters,
  interval: z.enum(['hour', 'day', 'month']).default('day'),
  tz: z
    .string()
    .max(64)
    .refine(isTimeZone, 'is not a time zone')
    .default('UTC')
    .meta({ description: 'An IANA time zone, such as `Europe/Berlin`.' }),
})

export const order = z
  .string()
  .regex(METER_SLUG, 'must be the name of a figure or the slug of a meter')
  .default('requests')
  .meta({
    description: `The figure to sort by, largest first, and to compute shares of: ${ORDERS.join(', ')}, or the slug of one of your own meters.`,
  })

export const BreakdownQuery = z.strictObject({
  ...span,
  key_id: uuid.optional().meta({ description: 'Only usage of this key.' }),
  by: z.enum(DIMENSION_NAMES),
  order,
  limit: pageQuery.shape.limit
    .removeDefault()
    .default(10)
    .meta({ type: 'integer', minimum: 1, maximum: 100, default: 10 }),
})

export const EventsQuery = pageQuery.extend({
  ...span,
  ...filters,
  cursor: z.string().min(1).max(2_000).optional(),
  id: text(500).min(1).optional(),
  subject: text(128).min(1).optional().meta({ description: 'Only of this subject.' }),
  errors_only: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'Only events with a status of 400 or more, or an error code.' }),
})

export const ExportQuery = z.strictObject({ ...span, what: z.enum(EXPORTS).default('events') })

const MAX_KEYS = 100
const UUID = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'

export const KeyHoursQuery = z.strictObject({
  ...span,
  key_ids: z
    .stringFormat('uuids', new RegExp(`^${UUID}(,${UUID}){0,${MAX_KEYS - 1}}$`), {
      error: `must be 1 to ${MAX_KEYS} ids of keys, with commas between them`,
    })
    .transform((ids) => [...new Set(ids.toLowerCase().split(','))])
    .meta({
      type: 'string',
      description: `Up to ${MAX_KEYS} ids of keys, with commas between them.`,
      example: '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a35,0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a36',
    }),
})

export const ForecastQuery = z.strictObject({ ...organizationRef })

const milliseconds = z.number().nullable()
const share = z.number().nullable()

const sums = {
  requests: z.int(),
  errors: z.int(),
  error_rate: share.meta({ description: 'The share of requests; null if there are none.' }),
  ...figureSchemas(FIGURES),
  avg_response_time_ms: milliseconds,
  p50_response_time_ms: milliseconds,
  p95_response_time_ms: milliseconds,
  p99_response_time_ms: milliseconds,
  quantities: quantitySums,
}

const Sums = z.object(sums).meta({ id: 'UsageSums' })

export const Summary = z
  .object({
    from: timestamp,
    to: timestamp,
    totals: Sums,
    previous: z.object({ from: timestamp, to: timestamp, totals: Sums }),
    change: z.object(
      Object.fromEntries(COMPARED.map((name) => [name, share])) as Record<(typeof COMPARED)[number], typeof share>,
    ),
  })
  .meta({ id: 'UsageSummary' })

export const Timeseries = z
  .object({
    interval: z.enum(['hour', 'day', 'month']),
    tz: z.string(),
    data: z.array(
      z.object({
        bucket: z.string().meta({ description: 'The day or month in the time zone, or the hour with its offset.' }),
        from: timestamp,
        to: timestamp,
        ...sums,
      }),
    ),
  })
  .meta({ id: 'UsageTimeseries' })

export const Breakdown = z
  .object({
    from: timestamp,
    to: timestamp,
    by: z.enum(DIMENSION_NAMES),
    order: z.string(),
    data: z.array(
      z.object({
        value: z.string().nullable().meta({ description: 'Null for events without a value.' }),
        name: z.string().nullable().optional().meta({ description: 'Of a key.' }),
        share,
        ...sums,
      }),
    ),
    other: z
      .object({ groups: z.int(), share, ...sums })
      .nullable()
      .meta({ description: 'The sum of all groups that are not listed.' }),
  })
  .meta({ id: 'UsageBreakdown' })

const hourly = (of: string) => z.array(z.int()).meta({ description: `${of} One figure for each hour.` })

export const KeyHours = z
  .object({
    from: timestamp,
    to: timestamp,
    data: z.array(
      z.object({
        key_id: z.uuid(),
        succeeded: hourly('Requests without an error.'),
        limited: hourly('Refused with 429, by a rate limit or a quota.'),
        refused: hourly('Refused with 401 or 403, such as with an expired key.'),
        failed: hourly('All other errors.'),
        quantities: z.record(z.string(), z.array(z.number())).meta({
          description: 'Amounts of your own meters, by slug, for each hour. Meters without usage are absent.',
          example: { images: [0, 3] },
        }),
      }),
    ),
  })
  .meta({ id: 'KeyUsage' })

const UNKNOWN = 'Null when the model has no known price.'
const unknownMoney = money.nullable()

export const StoredEvent = z
  .object({
    id: z.string(),
    occurred_at: timestamp,
    key_id: z.uuid().nullable(),
    user_id: z.uuid().nullable(),
    environment: z.string(),
    subject: z.string().nullable().meta({ description: "Your customer's user, if the event names one." }),
    endpoint: z.string(),
    method: z.string(),
    status_code: z.int(),
    response_time_ms: z.int().nullable(),
    requests: z.int(),
    ...figureSchemas(REPORTED_COLUMNS.filter((name) => !isMoneyColumn(name))),
    cache_write_tokens: z.int().meta({ description: 'Part of the input.' }),
    audio_input_tokens: z.int().meta({ description: 'Part of the input.' }),
    audio_output_tokens: z.int().meta({ description: 'Part of the output.' }),
    provider: z.string(),
    model: z.string(),
    cost_usd: unknownMoney.meta({ description: `${COST} ${UNKNOWN}` }),
    charge_usd: unknownMoney.optional().meta({ description: `${CHARGE} ${UNKNOWN}` }),
    route: z.string(),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    error_code: z.string().nullable(),
    error_message: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    correction: z
      .object({
        void: z.boolean(),
        reason: z.string(),
        corrected_at: timestamp,
        corrected_by: z
          .object({ type: z.string(), id: z.string().nullable() })
          .optional()
          .meta({ description: 'Only for the operator.' }),
        original: z.record(z.string(), z.unknown()).meta({ description: 'The values that were originally reported.' }),
      })
      .nullable()
      .meta({
        description: 'How the operator voided or replaced the event. The other fields have the current values.',
      }),
    quantities: z
      .record(z.string(), z.number())
      .nullable()
      .meta({ description: 'Amounts of your own meters, by slug.' }),
  })
  .meta({ id: 'StoredUsageEvent' })

export const EventList = listSchema(StoredEvent)

const outlook = {
  outlook: z.enum(OUTLOOKS),
  exhausted_at: timestamp
    .nullable()
    .meta({ description: 'Null if no date can be given, or if the period ends first.' }),
}

const forecast = <Schema extends z.ZodType>(amounts: Schema) =>
  z.object({
    limit: amounts.nullable(),
    used: amounts,
    rate_per_day: amounts.nullable(),
    projected: amounts.nullable().meta({ description: 'The usage at the end of the period at that rate.' }),
    ...outlook,
  })

const CountForecast = forecast(z.number()).meta({ id: 'MeterForecast' })
const MoneyForecast = forecast(money).meta({ id: 'MoneyMeterForecast' })

const forecastSchema = (meter: Counter) => (COUNTERS[meter].isMoney ? MoneyForecast : CountForecast)
type ForecastOfMeters = {
  [Name in Counter]: (typeof COUNTERS)[Name]['isMoney'] extends true ? typeof MoneyForecast : typeof CountForecast
}

export const Forecast = z
  .object({
    period: z.string(),
    resets_at: timestamp,
    generated_at: timestamp,
    meters: z
      .object(forEachMeter(METERS, forecastSchema) as ForecastOfMeters)
      .catchall(z.union([CountForecast, MoneyForecast])),
  })
  .meta({ id: 'UsageForecast' })
