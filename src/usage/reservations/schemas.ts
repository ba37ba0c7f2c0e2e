import * as z from 'zod'
import { anyAmount, forEachAmount, money } from '../../http/amounts.ts'
import { externalId, timestamp, uuid } from '../../http/fields.ts'
import { QuotaReadings, quotaReading } from '../../http/quota-readings.ts'
import { text } from '../../http/text-field.ts'
import { LimitReading } from '../../keys/limit-schemas.ts'
import { TEXT_LENGTHS } from '../describe.ts'
import { Recorded, ReportedEvent } from '../reporting/schemas.ts'
import { LONGEST_ID } from '../reservation-id.ts'
import { type ReportedTokens, resolveTokens, TOKEN_FIELDS } from '../tokens.ts'

const { api_calls, queries, concepts, storage_gb, cost_usd, provider, model, quantities, subject } = ReportedEvent.shape
const tokenFields = pick(TOKEN_FIELDS)
const metered = pick([...TOKEN_FIELDS, 'api_calls', 'queries', 'cost_usd', 'concepts', 'storage_gb', 'quantities'])

/** Long enough for the slowest work, short enough that forgotten holds do not block others. */
const USUAL_SECONDS = 600
export const LONGEST_SECONDS = 86_400

/** An estimate; for gauges, the amount that would be added. */
export const ReserveBody = z
  .strictObject({
    key_id: uuid.nullish(),
    organization_id: uuid.nullish(),
    external_id: externalId.nullish().meta({ description: "Or the operator's own id of the organization." }),
    api_calls,
    queries,
    ...tokenFields,
    cost_usd: cost_usd.meta({ description: 'US dollars. If absent, it is estimated from the model and the tokens.' }),
    concepts: concepts.meta({ description: 'How many units will be added.' }),
    storage_gb: storage_gb.meta({ description: 'How much will be added.' }),
    quantities: quantities.meta({
      description:
        'Amounts of your own meters, by slug. For a gauge, what will be added. Rounded half up to the decimals of the meter.',
    }),
    provider,
    model,
    subject,
    slots: z.literal(1).optional().meta({
      description:
        'Reserves only a slot: it counts towards `max_concurrent`, like every reservation that names a key, and holds nothing else.',
    }),
    expires_in_seconds: z.int().min(1).max(LONGEST_SECONDS).default(USUAL_SECONDS),
    idempotency_key: text(255).min(1).optional().meta({
      description:
        'A repeat by the same caller returns the same reservation while it is open, and is refused afterwards.',
    }),
  })
  .refine((asked) => asked.slots !== undefined || saysUnits(asked), {
    message: 'must reserve units of at least one meter, or `slots`',
  })
  .superRefine(requireConsistent)
  .meta({
    example: {
      key_id: '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a35',
      provider: 'openai',
      model: 'gpt-4o',
      input_tokens: 900,
      output_tokens: 4_000,
    },
  })

export type ReserveRequest = z.output<typeof ReserveBody>

const limitReadings = z
  .record(z.string(), LimitReading)
  .optional()
  .meta({ description: 'The limits of the key that count a reserved meter, by name, if there are any.' })

export const ReservationBody = z
  .discriminatedUnion('granted', [
    z.object({
      granted: z.literal(true),
      reservation_id: z.string(),
      expires_at: timestamp,
      held: z
        .object(forEachAmount(z.number().optional(), money.optional()))
        .catchall(anyAmount)
        .meta({ description: 'The amounts that may be used, by meter.' }),
      quotas: QuotaReadings,
      limits: limitReadings,
    }),
    z.object({
      granted: z.literal(false),
      code: z.enum(['QUOTA_EXCEEDED', 'RATE_LIMITED', 'CONCURRENCY_EXCEEDED', 'CREDITS_EXHAUSTED']).meta({
        description:
          'What refused: a quota of the organization, a limit of the key, or the number of concurrent reservations (respond with 429); or the credits (respond with 402).',
      }),
      refused_by: z.string().meta({
        description:
          'The meter of the quota, `spend_cap`, `credits`, the name of a key limit, `organization:<name>` for a limit of the organization, or `max_concurrent`.',
      }),
      retry_after: z.int().nullable().meta({
        description: 'Seconds for `Retry-After`, after which it fits at the latest. Null if waiting does not help.',
      }),
      exceeded: quotaReading(anyAmount).extend({
        meter: z.string().meta({
          description:
            'A built-in meter, the slug of your own, or what the limit counts; `slots` for concurrent reservations.',
        }),
        requested: anyAmount,
        resets_at: timestamp
          .nullable()
          .meta({ description: 'Null if the request never fits, and for a gauge, which no period resets.' }),
      }),
      never_fits: z.literal(true).optional().meta({ description: 'The requested amount exceeds the limit itself.' }),
      quotas: QuotaReadings,
      limits: limitReadings,
    }),
  ])
  .meta({ id: 'Reservation' })

export type Reservation = z.output<typeof ReservationBody>

const { id: _id, organization_id: _organization, external_id: _external, ...used } = ReportedEvent.shape

/** Texts and measures of a use: each is cut or left out with a warning, and none fails the settlement. */
const describing = Object.fromEntries(
  [...Object.keys(TEXT_LENGTHS), 'status_code', 'response_time_ms', 'metadata'].map((field) => [
    field,
    z.unknown().optional().meta({
      description: 'As in a reported event. A value that does not fit is truncated or dropped, with a warning.',
    }),
  ]),
) as unknown as Pick<typeof used, keyof typeof TEXT_LENGTHS | 'status_code' | 'response_time_ms' | 'metadata'>

/** The actual use: the fields of an event. Its organization is the reservation's, and its key, subject and model, unless it names others. */
export const SettleBody = z
  .strictObject({
    ...used,
    ...describing,
    reservation_id: z.string().max(LONGEST_ID),
    cancel: z.boolean().optional().meta({ description: 'Nothing was used: releases the hold and records no event.' }),
  })
  .refine((settled) => settled.cancel === true || saysUnits(settled), {
    message: 'must have the usage of at least one meter (0 is allowed), or `cancel`',
  })
  .refine((settled) => settled.cancel !== true || !saysUnits(settled), {
    path: ['cancel'],
    message: 'cannot be combined with usage',
  })
  .superRefine(requireConsistent)
  .meta({
    example: {
      reservation_id: 'hold_01a1fdd34f43_2026-11_1AU86Yv6HwFZ4Zl',
      provider: 'openai',
      model: 'gpt-4o',
      input_tokens: 880,
      output_tokens: 1_250,
    },
  })

export const SettlementBody = z
  .object({
    outcome: z.enum(['settled', 'duplicate', 'conflict', 'spooled', 'canceled']).meta({
      description:
        'A repeat counts once: `duplicate`, or `conflict` if it differs, for example a cancellation of a settled reservation.',
    }),
    released: z.boolean().meta({ description: 'Whether the hold still existed; it may have expired.' }),
    warnings: Recorded.shape.warnings,
  })
  .meta({ id: 'Settlement' })

export type Settlement = z.output<typeof SettlementBody>

function pick<Field extends keyof typeof ReportedEvent.shape>(fields: readonly Field[]) {
  return Object.fromEntries(fields.map((field) => [field, ReportedEvent.shape[field]])) as Pick<
    typeof ReportedEvent.shape,
    Field
  >
}

type Units = { readonly [Field in keyof typeof metered]?: unknown }

/** Whether a meter is named at all; 0 counts. */
const saysUnits = (body: Units) =>
  Object.keys(metered).some((field) => {
    const value = body[field as keyof Units]
    return value != null && (typeof value !== 'object' || Object.keys(value).length > 0)
  })

function requireConsistent(body: ReportedTokens, context: z.RefinementCtx): void {
  if (context.issues.length > 0) return // an invalid count contradicts nothing
  const tokens = resolveTokens(body)
  if ('field' in tokens) context.addIssue({ code: 'custom', path: [tokens.field], message: tokens.message })
}
