import * as z from 'zod'
import { line, listSchema, metadata, organizationRef, timestamp, uuid } from '../http/fields.ts'
import { QuotaReadings } from '../http/quota-readings.ts'
import { text } from '../http/text-field.ts'
import { isRange } from '../lib/cidr.ts'
import { REFUSALS } from '../verdict-codes.ts'
import { ACCESS_PREFIX } from '../verification/key-format.ts'
import { LimitReading, maxConcurrent, NamedLimitBody, newLimits } from './limit-schemas.ts'

const scope = z
  .string()
  .regex(/^([\w.-]+:)*(\*|[\w.-]+)$/, 'must be a name such as `reports:read` or `reports:*`')
  .max(100)
  .meta({ description: 'A name such as `reports:read`. `reports:*` covers every scope that begins with `reports:`.' })

export const ApiKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    description: z.string().nullable(),
    key_prefix: z.string(),
    key_hint: z.string().meta({ description: 'The first and last characters, by which people recognize the key.' }),
    environment: z.enum(['live', 'test']),
    scopes: z.array(z.string()),
    is_active: z.boolean(),
    expires_at: timestamp.nullable(),
    revoked_at: timestamp.nullable().meta({ description: 'In the future while a rotated key is in its grace period.' }),
    custom_rate_limit: z
      .int()
      .nullable()
      .meta({ description: "Units per minute. Null uses the organization's limit." }),
    limits: z.array(NamedLimitBody),
    max_concurrent: z.int().nullable().meta({ description: 'Null uses the maximum of the plan.' }),
    allowed_ips: z.array(z.string()).nullable(),
    metadata: z.record(z.string(), z.unknown()),
    total_requests: z.int(),
    last_used_at: timestamp.nullable(),
    created_at: timestamp,
    organization_id: z.uuid(),
    created_by: z.uuid().nullable(),
    rotated_from: z.uuid().nullable().meta({ description: 'The key that this one replaced.' }),
    replaced_by: z.uuid().nullable().meta({ description: 'The key that replaced this one.' }),
    client_id: z.uuid().nullable().meta({
      description: 'The application that uses this key as its access token and renews it. Null for every other key.',
    }),
    leaked_at: timestamp.nullable().meta({
      description: 'When a secret scanner reported the key as leaked, which disabled it.',
    }),
  })
  .meta({ id: 'ApiKey' })

export const IssuedKey = ApiKey.extend({
  key: z.string().meta({ description: 'The key itself. Only this response contains it.' }),
}).meta({ id: 'IssuedApiKey' })

export const ApiKeyList = listSchema(ApiKey)

export const NewKey = z
  .strictObject({
    name: line(100),
    description: text(500).nullish(),
    prefix: z
      .string()
      .regex(/^[a-z][a-z0-9]{1,7}$/, 'must be 2 to 8 lower-case letters and digits, and begin with a letter')
      .refine((prefix) => prefix !== ACCESS_PREFIX, 'is what access tokens of applications begin with')
      .optional()
      .meta({ description: 'Two to eight lower-case letters and digits.' }),
    environment: z.enum(['live', 'test']).default('live'),
    scopes: z
      .array(scope)
      .max(50)
      .default([])
      .meta({ example: ['reports:read'] }),
    expires_at: timestamp.nullish(),
    custom_rate_limit: z.int().min(1).max(1_000_000).nullish(),
    limits: newLimits.default([]),
    max_concurrent: maxConcurrent.nullish(),
    allowed_ips: z
      .array(z.string().max(49).refine(isRange, 'is not an IP address or CIDR range'))
      .min(1)
      .max(100)
      .nullish(),
    metadata: metadata.default({}),
    ...organizationRef,
  })
  .meta({ id: 'NewApiKey' })

export const KeyParams = z.strictObject({ id: uuid })
export const OrganizationQuery = z.strictObject({ ...organizationRef })

const WindowReading = z
  .object({
    limit: z.int(),
    remaining: z.int(),
    resets_at: timestamp.nullable().meta({
      description: 'When all units are available again, or when a refused cost will fit. Null if it never will.',
    }),
  })
  .meta({ id: 'WindowReading' })

export const KeyLimits = z
  .object({
    ratelimit: WindowReading.meta({ description: 'Units of the rate limit, in any minute.' }),
    limits: z
      .record(z.string(), LimitReading)
      .meta({ description: 'Key limits by name, and limits of the organization as `organization:<name>`.' }),
  })
  .meta({ id: 'KeyLimits' })

const VERDICT = {
  valid: true,
  code: 'VALID',
  status: 200,
  retry_after: null,
  request_id: '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a35',
  key_id: '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a36',
  organization_id: '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a37',
  external_id: 'customer-42',
  user_id: '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a38',
  name: 'Production',
  environment: 'live',
  scopes: ['reports:read'],
  plan: 'free',
  features: { max_evolution_phase: 1 },
  metadata: {},
  expires_at: null,
  ratelimit: { limit: 60, remaining: 59, resets_at: '2026-11-03T09:31:00.000Z' },
  quotas: {
    api_calls: { limit: 100_000, used: 250, held: 0, remaining: 99_750, resets_at: '2026-12-01T00:00:00.000Z' },
  },
}

export const VerdictBody = z
  .object({
    valid: z.boolean(),
    code: z.enum(['VALID', ...REFUSALS]),
    status: z.int().meta({
      description:
        'The status your API should answer its caller with: 401 for an invalid key, 403 for a forbidden request, 429 for a limit.',
      example: 200,
    }),
    retry_after: z
      .int()
      .nullable()
      .meta({ description: 'Seconds for `Retry-After`, with 429. Null if waiting does not help.' }),
    request_id: z.uuid(),
    key_id: z.uuid().optional(),
    organization_id: z.uuid().optional(),
    external_id: z.string().nullable().optional().meta({ description: "The operator's own id of the organization." }),
    user_id: z.uuid().nullable().optional(),
    name: z.string().optional(),
    environment: z.enum(['live', 'test']).optional(),
    scopes: z.array(z.string()).optional(),
    plan: z.string().optional(),
    features: z.record(z.string(), z.unknown()).optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
    expires_at: timestamp.nullable().optional(),
    ratelimit: WindowReading.optional(),
    limits: z
      .record(z.string(), LimitReading)
      .optional()
      .meta({ description: 'Key limits by name, and limits of the organization as `organization:<name>`.' }),
    quotas: QuotaReadings.optional(),
    refused_by: z.string().optional().meta({
      description:
        'The limit that refused, if one did: `ratelimit`, the name of a key limit, `organization:<name>` for a limit of the organization, or a meter.',
    }),
    never_fits: z
      .literal(true)
      .optional()
      .meta({ description: 'The cost exceeds the limit itself, so waiting does not help.' }),
  })
  .meta({
    id: 'Verdict',
    description: 'For a key that is not found: only `valid`, `code`, `status`, `retry_after` and `request_id`.',
    example: VERDICT,
  })
