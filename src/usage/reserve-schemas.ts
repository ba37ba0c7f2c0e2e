import * as z from 'zod'
import { timestamp, uuid } from '../http/fields.ts'
import { text } from '../http/text-field.ts'
import { ReportedEvent } from './ingest-schemas.ts'

const { api_calls, queries, input_tokens, output_tokens, concepts, storage_gb, cost_usd, provider, model } =
  ReportedEvent.shape

/** Long enough for the slowest work, short enough that what was forgotten does not shut others out. */
const USUAL_SECONDS = 600
const LONGEST_SECONDS = 86_400

/** An estimate; of gauges, what would be added to them. */
export const ReserveBody = z
  .strictObject({
    key_id: uuid.nullish(),
    organization_id: uuid.nullish(),
    api_calls,
    queries,
    tokens: queries.meta({ description: 'Input and output together; else the sum of the two.' }),
    input_tokens,
    output_tokens: output_tokens.meta({ description: 'The most the answer may have.' }),
    cost_usd: cost_usd.meta({ description: 'US dollars. Absent, it is estimated from model and tokens.' }),
    concepts: concepts.meta({ description: 'How many would be added.' }),
    storage_gb: storage_gb.meta({ description: 'How much would be added.' }),
    provider,
    model,
    expires_in_seconds: z.int().min(1).max(LONGEST_SECONDS).default(USUAL_SECONDS),
    idempotency_key: text(255)
      .min(1)
      .optional()
      .meta({ description: 'A repeat by the same caller gets the same hold, and is refused once that is over.' }),
  })
  .refine((asked) => METERED.some((field) => typeof asked[field] === 'number' || asked[field]), {
    message: 'must ask for units of at least one meter',
  })

const METERED = [
  'api_calls',
  'queries',
  'tokens',
  'input_tokens',
  'output_tokens',
  'cost_usd',
  'concepts',
  'storage_gb',
] as const

export type ReserveRequest = z.output<typeof ReserveBody>

const reading = {
  limit: z.number().nullable(),
  used: z.number(),
  held: z.number(),
  remaining: z.number().nullable(),
  resets_at: timestamp,
}

const quotas = z.record(z.string(), z.object(reading))

export const ReservationBody = z
  .discriminatedUnion('granted', [
    z.object({
      granted: z.literal(true),
      reservation_id: z.string(),
      expires_at: timestamp,
      held: z.record(z.string(), z.number()).meta({ description: 'What may be used, by meter.' }),
      quotas,
    }),
    z.object({
      granted: z.literal(false),
      code: z.literal('QUOTA_EXCEEDED'),
      exceeded: z.object({
        meter: z.string(),
        requested: z.number(),
        ...reading,
        resets_at: timestamp.nullable().meta({ description: 'Null where the request never fits.' }),
      }),
      never_fits: z.literal(true).optional().meta({ description: 'More was asked for than the limit is.' }),
      quotas,
    }),
  ])
  .meta({ id: 'Reservation' })

export type Reservation = z.output<typeof ReservationBody>

const { id: _id, organization_id: _organization, ...used } = ReportedEvent.shape

/** What was really used: the fields of an event. Its organization is the reservation's. */
export const SettleBody = z.strictObject({
  ...used,
  reservation_id: z.string().max(120),
  cancel: z
    .boolean()
    .optional()
    .meta({ description: 'Nothing was used: the hold is given back and no event recorded.' }),
})

export const SettlementBody = z
  .object({
    outcome: z
      .enum(['settled', 'duplicate', 'conflict', 'spooled', 'cancelled'])
      .meta({ description: 'A repeat counts once: `duplicate`, or `conflict` where it says something else.' }),
    released: z.boolean().meta({ description: 'Whether the hold was still there; it may have expired.' }),
  })
  .meta({ id: 'Settlement' })

export type Settlement = z.output<typeof SettlementBody>
