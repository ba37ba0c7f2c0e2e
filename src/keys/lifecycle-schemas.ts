import { bytesToHex } from '@noble/hashes/utils.js'
import * as z from 'zod'
import { line, organizationRef, pageQuery, uuid } from '../http/fields.ts'
import { fromBase64 } from '../lib/bytes.ts'
import { NewKey } from './schemas.ts'
import { KEY_STATES } from './state.ts'

const { name, description, scopes, expires_at, custom_rate_limit, limits, max_concurrent, allowed_ips, metadata } =
  NewKey.shape

/** Without the defaults of a new key: an absent field stays unchanged. */
export const KeyUpdate = z.strictObject({
  name: name.optional(),
  description,
  scopes: scopes.unwrap().optional(),
  expires_at,
  custom_rate_limit,
  limits: limits.unwrap().optional(),
  max_concurrent,
  allowed_ips,
  metadata: metadata.unwrap().optional().meta({ description: 'Replaces all metadata.' }),
  is_active: z.boolean().optional().meta({ description: 'Disables or enables the key.' }),
})

/** A week: long enough to roll out a new key everywhere, short enough not to be forgotten. */
const MAX_GRACE_SECONDS = 604_800

export const Rotation = z.strictObject({
  grace_period_seconds: z
    .int()
    .min(0)
    .max(MAX_GRACE_SECONDS)
    .default(0)
    .meta({ description: 'How long the old key keeps working. It never outlives its own expiry.' }),
})

export const KeyListQuery = pageQuery.extend({
  ...organizationRef,
  environment: z.enum(['live', 'test']).optional(),
  status: z.enum(KEY_STATES).optional().meta({
    description:
      'The first that applies: `revoked`, `disabled`, `expired`; else `active`, including a key in its grace period.',
  }),
  created_by: uuid.optional(),
  scope: line(100).optional().meta({ description: 'A scope of the key, matched by its exact name.' }),
  search: line(100).optional().meta({ description: 'Text that the name, hint or description contains.' }),
})

const imported = {
  hash: z
    .string()
    .transform((text, context) => toHex(text) ?? rejectInput(context, 'must be SHA-256 in hex or base64'))
    .meta({ type: 'string', description: 'SHA-256 of the whole key, in hex or base64.' }),
  hint: line(40).optional().meta({ description: 'Its first and last characters, by which people recognize the key.' }),
  prefix: z
    .string()
    .regex(/^[\w.-]{1,20}$/, 'must be 1 to 20 letters, digits, dots, hyphens and underscores')
    .optional()
    .meta({ description: 'The beginning of the key.' }),
}

/** Keys of another system, as hashes. */
export const KeyImport = z.strictObject({
  keys: z
    .array(NewKey.omit({ organization_id: true, external_id: true, prefix: true }).extend(imported))
    .min(1)
    .max(1_000),
  ...organizationRef,
})

export const ImportResult = z
  .object({
    imported: z.int(),
    duplicates: z.int(),
    results: z.array(
      z.object({
        index: z.int(),
        status: z.enum(['imported', 'duplicate']),
        id: z.uuid().nullable().meta({ description: 'Null for a duplicate that belongs to another organization.' }),
      }),
    ),
  })
  .meta({ id: 'KeyImportResult' })

function toHex(text: string): string | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase()
  // 32 bytes: the last character has two spare bits
  if (!/^[\w+/-]{42}[AEIMQUYcgkosw048]=?$/.test(text)) return undefined
  return bytesToHex(fromBase64(text))
}

function rejectInput(context: { readonly issues: unknown[] }, message: string): never {
  context.issues.push({ code: 'custom', message, input: undefined })
  return z.NEVER
}
