import * as z from 'zod'
import { externalId, metadata, uuid } from '../../http/fields.ts'
import { recordSchema, text } from '../../http/text-field.ts'
import { amountOfUse, countOfUse, isNoise, subjectOfUse } from '../../http/usage-fields.ts'
import { roundDecimal } from '../../lib/decimal.ts'
import { MAX_RESPONSE_TIME_MS, TEXT_LENGTHS } from '../describe.ts'

/** The maximum count of a single event; the sum of all events ever sent then still fits its column. */
const MAX_COUNT = 10_000_000_000

const quantity = (description?: string) =>
  countOfUse(MAX_COUNT)
    .nullish()
    .meta(description ? { description } : {})

/** Gauges are stored in billionths of a gigabyte. Money is stored in nano-dollars as well, and rounded when it is stored. */
const DECIMALS = 9
/** For a cost before the markup is added: only the charge is rounded, once. */
const EXACT_DECIMALS = 12
const MAX_DECIMAL = 999_999_999

/** A number as text or JSON writes it, with or without an exponent; at least nine decimals. */
const decimal = (description: string, places = DECIMALS) =>
  z
    .union([z.string().max(100), z.number()])
    .transform((value) => String(value).trim())
    .transform((value) => roundDecimal(isNoise(value) ? '0' : value, places)?.replace(/(?<=\.\d{9})0+$/, ''))
    .refine(
      (value) => value !== undefined && Number(value) <= MAX_DECIMAL,
      'must be a number from 0 to 999,999,999, as text or as a number',
    )
    .transform((value) => value as string)
    .nullish()
    .meta({ description: `${description} Rounded half up to nine decimals.` })

const moment = z.iso
  .datetime({ offset: true })
  .refine((value) => !Number.isNaN(Date.parse(value)), 'must be a moment that exists')
  .transform((value) => new Date(value).toISOString())

/** Texts that describe a use; longer ones were cut before parsing (describe.ts). */
const describing = Object.fromEntries(
  Object.entries(TEXT_LENGTHS).map(([field, maxLength]) => [field, text(maxLength).nullish()]),
) as Readonly<Record<keyof typeof TEXT_LENGTHS, z.ZodOptional<z.ZodNullable<ReturnType<typeof text>>>>>

/** Tokens by every name that providers give them (tokens.ts combines them). */
const TOKENS = {
  tokens: quantity('Input and output together, where they are not known apart.'),
  total_tokens: quantity('The same as `tokens`.'),
  input_tokens: quantity('All that went in, cached or not.'),
  prompt_tokens: quantity('The same as `input_tokens`.'),
  output_tokens: quantity(),
  completion_tokens: quantity('The same as `output_tokens`.'),
  cached_tokens: quantity('Those of the input that came from a cache. More than the input are added to it.'),
  cache_read_input_tokens: quantity('Read from a cache beside `input_tokens`, as Anthropic counts them.'),
  cache_creation_input_tokens: quantity('Written to a cache beside `input_tokens`, as Anthropic counts them.'),
  cache_write_tokens: quantity('Those of the input that were written to a cache.'),
  audio_input_tokens: quantity('Those of the input that are audio.'),
  audio_output_tokens: quantity('Those of the output that are audio.'),
}

/** One use, as it is reported. `null` is the same as leaving a field out. */
export const ReportedEvent = z.strictObject({
  id: text(255).min(1).nullish().meta({
    description: 'Your own id of the event. Repeats with the same id count once. Without an id, a repeat counts again.',
  }),
  key_id: uuid
    .nullish()
    .meta({ description: 'The API key that was used. It determines organization, user and environment.' }),
  organization_id: uuid.nullish().meta({ description: 'Where no key was used.' }),
  external_id: externalId.nullish().meta({ description: "Or the operator's own id of the organization." }),
  subject: subjectOfUse.nullish().meta({
    description: "Your customer's user, as any text, for limits and statistics per user. An empty text counts as none.",
  }),
  timestamp: moment.nullish().meta({ description: 'When it happened, at most 35 days ago. Defaults to now.' }),
  endpoint: describing.endpoint,
  method: describing.method,
  status_code: z.int().min(100).max(599).nullish(),
  response_time_ms: z.number().min(0).max(MAX_RESPONSE_TIME_MS).transform(Math.round).nullish(),
  api_calls: quantity('Of the quota; what a verification took is counted already.'),
  queries: quantity(),
  ...TOKENS,
  concepts: quantity('How many there are now: a reading, not an amount to add.'),
  storage_gb: decimal('How much is stored now: a reading, not an amount to add.'),
  quantities: recordSchema(z.string().min(1).max(50), amountOfUse)
    .nullish()
    .meta({
      description:
        'Amounts of your own meters, by slug. For a gauge, its current reading. Rounded half up to the decimals of the meter.',
      example: { images: 3 },
    }),
  request_id: uuid.nullish().meta({
    description:
      'The `request_id` of the verdict that admitted this request. The event then completes that request, and does not count as another one.',
  }),
  provider: describing.provider,
  model: describing.model,
  cost_usd: decimal(
    'US dollars that the provider takes. Absent, it is reckoned from model and tokens where the price is known.',
    EXACT_DECIMALS,
  ),
  route: describing.route.meta({ description: 'How your system produced the answer, for statistics of routing.' }),
  ip: describing.ip,
  user_agent: describing.user_agent,
  error_code: describing.error_code,
  error_message: describing.error_message,
  metadata: metadata.nullish(),
})

export const Durability = z.enum(['spool', 'sync']).meta({
  description:
    'What happens while the database does not respond. `spool`: the events are stored elsewhere until it does, and the response is a 202. `sync`: the response is a 503.',
})

/** The batch as a whole; each event is validated on its own, so that a bad one does not affect others. */
export const UsageBatch = z
  .strictObject({
    events: z
      .array(z.unknown().meta({ $ref: '#/components/schemas/ReportedUsageEvent' }))
      .min(1)
      .max(1_000),
    durability: Durability.optional(),
  })
  .meta({
    id: 'UsageBatch',
    example: {
      events: [
        {
          id: 'evt_1042',
          key_id: '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a35',
          endpoint: '/v1/answers',
          provider: 'openai',
          model: 'gpt-4o',
          input_tokens: 1_000,
          output_tokens: 200,
        },
      ],
    },
  })

/** Why an event was rejected. */
const REJECTIONS = [
  'invalid_event',
  'too_old',
  'in_future',
  'key_not_found',
  'organization_not_found',
  'organization_mismatch',
  'not_storable',
] as const

export type RejectionCode = (typeof REJECTIONS)[number]

const Place = z.object({
  index: z.int().meta({ description: 'The index of the event in the request, from 0.' }),
  id: z.string().nullable(),
})

const Rejection = Place.extend({ code: z.enum(REJECTIONS), detail: z.string() }).meta({ id: 'UsageRejection' })
const Warning = Place.extend({
  field: z.string(),
  code: z.enum(['cut', 'left_out', 'unpriced']),
  detail: z.string(),
}).meta({ id: 'UsageWarning' })

const counts = {
  accepted: z.int().meta({ description: 'Events counted now.' }),
  duplicates: z.int().meta({ description: 'Events that were already counted.' }),
  conflicts: z
    .array(Place.meta({ id: 'UsageConflict' }))
    .meta({ description: 'Events whose id was already used for a different event. They are not counted.' }),
  rejected: z.array(Rejection),
  warnings: z.array(Warning).optional().meta({
    description:
      "Descriptive fields that were truncated or dropped, and `cost_usd` if the cost of a reservation's usage is unknown (`unpriced`). Their events still count. Absent if there are none.",
  }),
}

export const Recorded = z.object(counts).meta({ id: 'RecordedUsage' })

export const Spooled = z.object({ ...counts, spooled: z.literal(true) }).meta({
  id: 'SpooledUsage',
  description: 'Stored, but not counted yet. `accepted` may include repeats and conflicts.',
})
