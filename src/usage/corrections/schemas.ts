import * as z from 'zod'
import { externalId, timestamp, uuid } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { StoredEvent } from '../analytics/schemas.ts'
import { ReportedEvent } from '../reporting/schemas.ts'
import { LONGEST_ID } from '../reservation-id.ts'
import { resolveTokens, TOKEN_FIELDS } from '../tokens.ts'

const {
  key_id,
  subject,
  endpoint,
  status_code,
  provider,
  model,
  route,
  error_code,
  api_calls,
  queries,
  cost_usd,
  quantities,
} = ReportedEvent.shape
const tokens = Object.fromEntries(TOKEN_FIELDS.map((field) => [field, ReportedEvent.shape[field]])) as Pick<
  typeof ReportedEvent.shape,
  (typeof TOKEN_FIELDS)[number]
>

/** The fields that a correction can replace. */
const fields = {
  key_id: key_id.meta({
    description: 'The key that was used. It must belong to the organization, and may be revoked. Null for no key.',
  }),
  subject: subject.meta({ description: "Your customer's user. Null for no subject." }),
  endpoint,
  status_code,
  provider,
  model,
  route,
  error_code,
  api_calls,
  queries,
  ...tokens,
  cost_usd,
  quantities: quantities.meta({
    description:
      'Amounts of your own counters, by slug. Absent meters keep their amounts. Rounded half up to the decimals of the meter.',
    example: { images: 2 },
  }),
}
type Fields = { readonly [Field in keyof typeof fields]?: unknown }
/** `null` as the key or subject is a change: it removes them. */
const saysFields = (body: Fields) =>
  body.key_id === null ||
  body.subject === null ||
  Object.keys(fields).some((field) => body[field as keyof Fields] != null)

/** The names of the time in reports and in `GET /usage/events`. */
const TIMES = ['timestamp', 'occurred_at']
const TIME_STAYS = 'cannot be corrected: void the event, and report it again under another id with the right time'

/** An event is stored, found and claimed by its time, so a new time is refused by name, with what to do instead. */
function refuseTime(value: unknown, context: z.RefinementCtx): unknown {
  const named = TIMES.filter((name) => typeof value === 'object' && value !== null && Object.hasOwn(value, name))
  for (const name of named) context.issues.push({ code: 'custom', path: [name], message: TIME_STAYS, input: value })
  return value
}

const Correction = z
  .strictObject({
    event_id: text(LONGEST_ID)
      .min(1)
      .meta({ description: 'The id of a reported event, as `GET /usage/events` lists it.' }),
    organization_id: uuid.optional(),
    external_id: externalId.optional().meta({ description: "Or the operator's own id of the organization." }),
    void: z.literal(true).optional().meta({ description: 'Removes the event from all sums.' }),
    ...fields,
    reason: text(500).min(1, 'must be given').meta({ description: 'The reason. Customers see it with the event.' }),
  })
  .refine((body) => body.void === true || saysFields(body), {
    path: ['void'],
    message: 'must be true if no fields of the event are given',
  })
  .refine((body) => body.void !== true || !saysFields(body), {
    path: ['void'],
    message: 'cannot be combined with fields of the event',
  })
  .superRefine((body, context) => {
    if (context.issues.length > 0) return
    const resolved = resolveTokens(body)
    if ('field' in resolved) context.addIssue({ code: 'custom', path: [resolved.field], message: resolved.message })
  })
  .meta({ example: { event_id: 'evt_1042', external_id: 'customer-42', void: true, reason: 'Reported twice' } })

export const CorrectionBody = z.preprocess(refuseTime, Correction) as unknown as typeof Correction

export type CorrectionRequest = z.output<typeof Correction>

export const CorrectedEvent = z
  .object({
    outcome: z
      .enum(['corrected', 'duplicate'])
      .meta({ description: '`duplicate`: the event already has this correction.' }),
    corrected_at: timestamp,
    event: StoredEvent.meta({ description: 'The event as it is now.' }),
  })
  .meta({ id: 'UsageCorrection' })
