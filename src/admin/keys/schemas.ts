import * as z from 'zod'
import { line, listSchema, organizationFilter, pageQuery, timestamp } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { KEY_STATES } from '../../keys/state.ts'

/** The longest hint that an import accepts; a whole key is longer and does not belong in a URL. */
const HINT_LENGTH = 40

export const KeyQuery = pageQuery.extend({
  hint: text(HINT_LENGTH).min(2).optional().meta({
    description: 'The hint as displayed, `ck_live_8Q…x9Kd`, or its first characters, or its last four.',
  }),
  name: line(100).optional().meta({ description: 'The beginning of the name, in upper or lower case.' }),
  ...organizationFilter,
  status: z.enum(KEY_STATES).optional(),
})

export const KeyLookup = z.strictObject({
  key: z.string().min(1).max(256).meta({ description: 'The whole key. It is neither stored nor logged.' }),
})

export const AdminKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    key_hint: z.string(),
    environment: z.enum(['live', 'test']),
    status: z.enum(KEY_STATES),
    organization: z.object({
      id: z.uuid(),
      name: z.string(),
      plan: z.string(),
      suspended_at: timestamp.nullable().meta({ description: 'Keys of a suspended organization are refused.' }),
    }),
    created_by: z.uuid().nullable(),
    created_at: timestamp,
    expires_at: timestamp.nullable(),
    revoked_at: timestamp.nullable().meta({ description: 'In the future while a rotated key is in its grace period.' }),
    leaked_at: timestamp.nullable(),
    total_requests: z.int(),
    last_used_at: timestamp.nullable(),
  })
  .meta({ id: 'AdminApiKey' })

export const AdminKeyList = listSchema(AdminKey)
