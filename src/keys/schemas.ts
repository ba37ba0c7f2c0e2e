import * as z from 'zod'
import { line, listOf, pageQuery, text, timestamp, uuid } from '../http/fields.ts'
import { isRange } from '../lib/cidr.ts'
import { REFUSALS } from './rules.ts'

const scope = z
  .stringFormat('scope', /^([a-z0-9_.-]+:)*(\*|[a-z0-9_.-]+)$/i)
  .max(100)
  .meta({ description: 'A name such as `reports:read`; `reports:*` stands for all that begin so.' })

/** NUL and halves of a surrogate pair, as JSON writes them: Postgres keeps neither in `jsonb`. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/

const metadata = z
  .record(z.string().max(100), z.unknown())
  .refine((value) => JSON.stringify(value).length <= 4_000, 'must not be larger than 4,000 characters as JSON')
  .refine((value) => !UNSTORABLE.test(JSON.stringify(value)), 'must not hold NUL or half a character')

export const ApiKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    description: z.string().nullable(),
    key_prefix: z.string(),
    key_hint: z.string().meta({ description: 'The first and last characters, to recognize the key by.' }),
    environment: z.enum(['live', 'test']),
    scopes: z.array(z.string()),
    is_active: z.boolean(),
    expires_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
    custom_rate_limit: z
      .int()
      .nullable()
      .meta({ description: "Units a minute; null follows the organization's plan." }),
    allowed_ips: z.array(z.string()).nullable(),
    metadata: z.record(z.string(), z.unknown()),
    total_requests: z.int(),
    last_used_at: timestamp.nullable(),
    created_at: timestamp,
    organization_id: z.uuid(),
    created_by: z.uuid().nullable(),
  })
  .meta({ id: 'ApiKey' })

export const IssuedKey = ApiKey.extend({
  key: z.string().meta({ description: 'The key itself. It is shown here and never again.' }),
}).meta({ id: 'IssuedApiKey' })

export const ApiKeyList = listOf(ApiKey)

export const NewKey = z.object({
  name: line(100),
  description: text(500).nullish(),
  prefix: z
    .stringFormat('prefix', /^[a-z][a-z0-9]{1,7}$/)
    .optional()
    .meta({ description: 'Two to eight lower-case letters and digits.' }),
  environment: z.enum(['live', 'test']).default('live'),
  scopes: z.array(scope).max(50).default([]),
  expires_at: timestamp.nullish(),
  custom_rate_limit: z.int().min(1).max(1_000_000).nullish(),
  allowed_ips: z.array(z.string().max(49).refine(isRange, 'is no IP address or CIDR range')).min(1).max(100).nullish(),
  metadata: metadata.default({}),
  organization_id: uuid.optional().meta({ description: 'The active organization when absent.' }),
})

export const KeyParams = z.object({ id: uuid })
export const OrganizationQuery = z.object({ organization_id: uuid.optional() })
export const KeyListQuery = pageQuery.extend({ organization_id: uuid.optional() })

const WindowReading = z.object({
  limit: z.int(),
  remaining: z.int(),
  reset: z.int().meta({ description: 'Unix milliseconds: when all units are back, or when a refused cost will fit.' }),
})

const QuotaReading = z.object({
  limit: z.int().nullable(),
  used: z.int(),
  remaining: z.int().nullable(),
  resets_at: timestamp,
})

export const VerdictBody = z
  .object({
    valid: z.boolean(),
    code: z.enum(['VALID', ...REFUSALS]),
    request_id: z.uuid(),
    key_id: z.uuid().optional(),
    organization_id: z.uuid().optional(),
    user_id: z.uuid().nullable().optional(),
    name: z.string().optional(),
    environment: z.enum(['live', 'test']).optional(),
    scopes: z.array(z.string()).optional(),
    plan: z.string().optional(),
    features: z.record(z.string(), z.unknown()).optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
    expires_at: timestamp.nullable().optional(),
    ratelimit: WindowReading.optional(),
    quotas: z.record(z.string(), QuotaReading).optional(),
  })
  .meta({ id: 'Verdict', description: 'For a key that is not found: `valid`, `code` and `request_id` alone.' })
