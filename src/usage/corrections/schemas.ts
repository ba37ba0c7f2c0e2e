import * as z from 'zod'
import { externalId, timestamp, uuid } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { StoredEvent } from '../analytics/schemas.ts'
import { ReportedEvent } from '../reporting/schemas.ts'
import { resolveTokens, TOKEN_FIELDS } from '../tokens.ts'

const { endpoint, status_code, provider, model, route, error_code, api_calls, queries, cost_usd, quantities } =
  ReportedEvent.shape
const tokens = Object.fromEntries(TOKEN_FIELDS.map((field) => [field, ReportedEvent.shape[field]])) as Pick<
  typeof ReportedEvent.shape,
  (typeof TOKEN_FIELDS)[number]
>

/** What a correction can replace. */
const fields = {
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
    description: 'Amounts of your own counters, by slug. A meter that is not given keeps its amount.',
    example: { images: 2 },
  }),
}
type Fields = { readonly [Field in keyof typeof fields]?: unknown }
const saysFields = (body: Fields) => Object.keys(fields).some((field) => body[field as keyof Fields] != null)

export const CorrectionBody = z
  .strictObject({
    event_id: text(600).min(1).meta({ description: 'The id of a reported event, as `GET /usage/events` lists it.' }),
    organization_id: uuid.optional(),
    external_id: externalId.optional().meta({ description: "Or the operator's own id of the organization." }),
    void: z.literal(true).optional().meta({ description: 'The event did not happen: it counts nowhere.' }),
    ...fields,
    reason: text(500).min(1, 'must be given').meta({ description: 'Why. Customers see it with the event.' }),
  })
  .refine((body) => body.void === true || saysFields(body), {
    path: ['void'],
    message: 'must be true, or fields of the event must be given',
  })
  .refine((body) => body.void !== true || !saysFields(body), {
    path: ['void'],
    message: 'must not come with fields of the event',
  })
  .superRefine((body, context) => {
    if (context.issues.length > 0) return
    const resolved = resolveTokens(body)
    if ('field' in resolved) context.addIssue({ code: 'custom', path: [resolved.field], message: resolved.message })
  })
  .meta({ example: { event_id: 'evt_1042', external_id: 'customer-42', void: true, reason: 'Reported twice' } })

export type CorrectionRequest = z.output<typeof CorrectionBody>

export const CorrectedEvent = z
  .object({
    outcome: z
      .enum(['corrected', 'duplicate'])
      .meta({ description: '`duplicate`: the latest correction of the event is this one already.' }),
    corrected_at: timestamp,
    event: StoredEvent.meta({ description: 'The event as it is now.' }),
  })
  .meta({ id: 'UsageCorrection' })
