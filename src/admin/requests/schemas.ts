import * as z from 'zod'
import { AuditLog } from '../../audit/schemas.ts'
import { organizationFilter, timestamp } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { KEY_STATES } from '../../keys/state.ts'
import { StoredEvent } from '../../usage/analytics/schemas.ts'
import { REFUSALS } from '../../verdict-codes.ts'
import { MAX_DAYS } from './rules.ts'

const MAX_SPAN_MS = MAX_DAYS * 24 * 3_600_000

export const RequestParams = z.strictObject({
  request_id: text(255).min(1).meta({
    description: 'The `request_id` of a verdict or a problem, the header `X-Request-Id`, or the id of a usage event.',
  }),
})

export const RequestQuery = z
  .strictObject({
    ...organizationFilter,
    from: timestamp.optional().meta({
      description:
        'Where to look for an id that is not a UUIDv7 and so contains no time. Defaults to seven days before `to`.',
    }),
    to: timestamp.optional().meta({ description: `The exclusive end; at most ${MAX_DAYS} days after \`from\`.` }),
  })
  .refine(({ from, to }) => !from || !to || Date.parse(from) < Date.parse(to), {
    path: ['to'],
    message: 'must be after from',
  })
  .refine(({ from, to }) => !from || !to || Date.parse(to) - Date.parse(from) <= MAX_SPAN_MS, {
    path: ['to'],
    message: `must be at most ${MAX_DAYS} days after from`,
  })

const amount = z.union([z.number(), z.string()]).meta({ description: 'Money is decimal text.' })

const WindowThen = z.object({ limit: amount, remaining: amount, resets_at: timestamp.nullable() })
const QuotaThen = z.object({ limit: amount.nullable(), used: amount, held: amount })

const Verdict = z.object({
  valid: z.boolean(),
  code: z.enum(['VALID', ...REFUSALS]),
  status: z.int(),
  explanation: z.string().meta({ description: 'Why, in one sentence.' }),
  refused_by: z.string().nullable().meta({ description: 'The limit or meter that refused.' }),
  never_fits: z.boolean(),
})

const Basis = z.object({
  plan: z.string(),
  cost: z.int(),
  missing_scopes: z.array(z.string()),
  service_key_id: z
    .uuid()
    .nullable()
    .meta({ description: 'The service key that requested the verdict; null for a bound Worker.' }),
  key_version: z.int(),
  organization_version: z.int(),
  key_changed_since: z
    .boolean()
    .meta({ description: 'Whether the key has changed since the verdict, or was deleted.' }),
  organization_changed_since: z.boolean(),
  without_redis: z.boolean().meta({ description: 'Decided by one isolate alone, because Redis did not respond.' }),
})

const Counters = z.object({
  windows: z
    .record(z.string(), WindowThen)
    .meta({ description: 'What was left after the request: the rate limit as `ratelimit`, and key limits by name.' }),
  quotas: z.record(z.string(), QuotaThen).meta({ description: 'By meter, after the request.' }),
})

const OrganizationNow = z.object({
  id: z.uuid(),
  name: z.string(),
  plan: z.string(),
  suspended_at: timestamp.nullable(),
})

const KeyNow = z.object({
  id: z.uuid(),
  name: z.string(),
  key_hint: z.string(),
  status: z.enum(KEY_STATES),
  scopes: z.array(z.string()),
  allowed_ips: z.array(z.string()).nullable(),
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
})

const DeliveryOfRequest = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  endpoint_id: z.uuid(),
  event_id: z.string(),
  type: z.string(),
  state: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.int(),
  status_code: z.int().nullable(),
  created_at: timestamp,
})

export const InspectedRequest = z
  .object({
    request_id: z.string(),
    occurred_at: timestamp.nullable().meta({ description: 'Null if only the audit log has the request.' }),
    organization: OrganizationNow.nullable().meta({ description: 'Its current state; null if it was deleted.' }),
    key: KeyNow.nullable().meta({ description: 'As it is now.' }),
    verdict: Verdict.nullable().meta({
      description: 'Null if the request is not a verification, or if it is too old to have this record.',
    }),
    decided_from: Basis.nullable(),
    counters: Counters.nullable().meta({ description: 'Null if a rule refused before limits were checked.' }),
    usage_events: z
      .array(StoredEvent)
      .meta({ description: 'The events that were counted: the verification, and reports that name it.' }),
    audit_logs: z.array(AuditLog).meta({
      description: 'Only of `organization_id` if it is given. Empty for a service key without `platform:audit:read`.',
    }),
    deliveries: z.array(DeliveryOfRequest).meta({
      description:
        'Only about `organization_id` if it is given. Empty for a service key without `platform:webhooks:write`.',
    }),
  })
  .meta({ id: 'InspectedRequest' })
