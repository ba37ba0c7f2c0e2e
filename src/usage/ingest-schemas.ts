import * as z from 'zod'
import { metadata, uuid } from '../http/fields.ts'
import { text } from '../http/text-field.ts'

/** What a single event can stand for; a sum of all that are ever sent then still fits its column. */
const MOST = 10_000_000_000
const DAY_MS = 86_400_000

const quantity = (description?: string) =>
  z
    .int()
    .min(0)
    .max(MOST)
    .nullish()
    .meta(description ? { description } : {})

/** A number of at most six decimals, as text or as a JSON number; it comes out as text with six, and never was a sum of floats. */
const decimal = (description: string) =>
  z
    .union([z.string().max(20), z.number()])
    .transform(String)
    .refine((value) => DECIMAL.test(value), 'must be a number from 0 to 999,999,999 with at most six decimals')
    .transform(withSixDecimals)
    .nullish()
    .meta({ description })

const DECIMAL = /^\d{1,9}(\.\d{1,6})?$/

function withSixDecimals(value: string): string {
  const [whole = '0', fraction = ''] = value.split('.')
  return `${Number(whole)}.${fraction.padEnd(6, '0')}`
}

const moment = z.iso
  .datetime({ offset: true })
  .refine((value) => !Number.isNaN(Date.parse(value)), 'must be a moment that exists')
  .transform((value) => new Date(value).toISOString())

/** One use, as it is reported. `null` is the same as leaving a field out. */
export const ReportedEvent = z
  .strictObject({
    id: text(255)
      .min(1)
      .nullish()
      .meta({ description: 'Yours, to repeat it by: it counts once. Absent, a repeat counts again.' }),
    key_id: uuid
      .nullish()
      .meta({ description: 'The API key that was used; gives organization, user and environment.' }),
    organization_id: uuid.nullish().meta({ description: 'Where no key was used.' }),
    timestamp: moment.nullish().meta({ description: 'When it happened; now when absent. At most 35 days ago.' }),
    endpoint: text(200).nullish(),
    method: text(10).nullish(),
    status_code: z.int().min(100).max(599).nullish(),
    response_time_ms: z.number().min(0).max(DAY_MS).transform(Math.round).nullish(),
    api_calls: quantity('Of the quota; what a verification took is counted already.'),
    queries: quantity(),
    input_tokens: quantity('All that went in, cached or not.'),
    output_tokens: quantity(),
    cached_tokens: quantity('Those of the input that came from a cache.'),
    concepts: quantity('How many there are now: a reading, not an amount to add.'),
    storage_gb: decimal('How much is stored now: a reading, not an amount to add.'),
    provider: text(100).nullish(),
    model: text(200).nullish(),
    cost_usd: decimal('US dollars. Absent, it is reckoned from model and tokens where the price is known.'),
    route: text(100).nullish().meta({ description: 'How your system answered, for routing statistics.' }),
    ip: text(45).nullish(),
    user_agent: text(500).nullish(),
    error_code: text(100).nullish(),
    error_message: text(1_000).nullish(),
    metadata: metadata.nullish(),
  })
  .refine(({ cached_tokens, input_tokens }) => (cached_tokens ?? 0) <= (input_tokens ?? 0), {
    path: ['cached_tokens'],
    message: 'must not be more than input_tokens, which has them in it',
  })

export const Durability = z.enum(['spool', 'sync']).meta({
  description:
    'What is done while the database fails: `spool` keeps the events elsewhere until it is back, and answers 202; `sync` answers 503.',
})

/** The batch as a whole; each event is looked at by itself, so that a bad one spoils no other. */
export const UsageBatch = z
  .strictObject({
    events: z
      .array(z.unknown().meta({ $ref: '#/components/schemas/ReportedUsageEvent' }))
      .min(1)
      .max(1_000),
    durability: Durability.optional(),
  })
  .meta({ id: 'UsageBatch' })

/** Why an event was not taken. */
const REJECTIONS = [
  'invalid_event',
  'too_old',
  'in_future',
  'key_not_found',
  'organization_not_found',
  'not_storable',
] as const

export type RejectionCode = (typeof REJECTIONS)[number]

const Place = z.object({
  index: z.int().meta({ description: 'Its place among the events sent, from 0.' }),
  id: z.string().nullable(),
})

const counts = {
  accepted: z.int().meta({ description: 'Events counted now.' }),
  duplicates: z.int().meta({ description: 'Repeats of events that were counted before.' }),
  conflicts: z.array(Place).meta({ description: 'Events whose id was used for a different one; not counted.' }),
  rejected: z.array(Place.extend({ code: z.enum(REJECTIONS), detail: z.string() })),
}

export const Recorded = z.object(counts).meta({ id: 'RecordedUsage' })

export const Spooled = z.object({ ...counts, spooled: z.literal(true) }).meta({
  id: 'SpooledUsage',
  description: 'Taken and kept, not counted yet: `accepted` may turn out to hold repeats and conflicts.',
})
