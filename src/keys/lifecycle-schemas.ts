import { bytesToHex } from '@noble/hashes/utils.js'
import * as z from 'zod'
import { line, organizationRef, pageQuery, uuid } from '../http/fields.ts'
import { fromBase64 } from '../lib/bytes.ts'
import { NewKey } from './schemas.ts'
import { KEY_STATES } from './state.ts'

const { name, description, scopes, expires_at, custom_rate_limit, limits, allowed_ips, metadata } = NewKey.shape

/** Without the defaults of a new key: what is absent stays as it is. */
export const KeyUpdate = z.strictObject({
  name: name.optional(),
  description,
  scopes: scopes.unwrap().optional(),
  expires_at,
  custom_rate_limit,
  limits: limits.unwrap().optional(),
  allowed_ips,
  metadata: metadata.unwrap().optional().meta({ description: 'Replaces the whole of it.' }),
  is_active: z.boolean().optional().meta({ description: 'Switches the key off, or on again.' }),
})

/** A week: long enough to roll out a new key everywhere, short enough not to be forgotten. */
const LONGEST_GRACE_SECONDS = 604_800

export const Rotation = z.strictObject({
  grace_period_seconds: z
    .int()
    .min(0)
    .max(LONGEST_GRACE_SECONDS)
    .default(0)
    .meta({ description: 'How long the old key goes on working; it never outlives its own expiry.' }),
})

export const KeyListQuery = pageQuery.extend({
  ...organizationRef,
  environment: z.enum(['live', 'test']).optional(),
  status: z.enum(KEY_STATES).optional().meta({
    description: 'What the key is first of: `revoked`, `disabled`, `expired`; else `active`, in its grace period too.',
  }),
  created_by: uuid.optional(),
  scope: line(100).optional().meta({ description: 'A scope that the key holds by this very name.' }),
  search: line(100).optional().meta({ description: 'A part of the name, the hint or the description.' }),
})

const imported = {
  hash: z
    .string()
    .transform((text, context) => toHex(text) ?? rejectInput(context, 'must be SHA-256 in hex or base64'))
    .meta({ type: 'string', description: 'SHA-256 of the whole key, in hex or base64.' }),
  hint: line(40).optional().meta({ description: 'What people recognize the key by: some first and last characters.' }),
  prefix: z
    .stringFormat('prefix', /^[\w.-]{1,20}$/)
    .optional()
    .meta({ description: 'How the key begins.' }),
}

/** Keys of another system, told by their hashes alone. */
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
        id: z
          .uuid()
          .nullable()
          .meta({ description: "Null for a duplicate that is not one of the organization's own." }),
      }),
    ),
  })
  .meta({ id: 'KeyImportResult' })

function toHex(text: string): string | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase()
  if (!/^[\w+/-]{42}[AEIMQUYcgkosw048]=?$/.test(text)) return undefined // 32 bytes: the last character has two spare bits
  return bytesToHex(fromBase64(text))
}

function rejectInput(context: { readonly issues: unknown[] }, message: string): never {
  context.issues.push({ code: 'custom', message, input: undefined })
  return z.NEVER
}
