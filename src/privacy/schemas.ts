import * as z from 'zod'
import { Identity } from '../accounts/identities/schemas.ts'
import { Passkey } from '../accounts/passkeys/schemas.ts'
import { User } from '../accounts/schemas.ts'
import { passwordIfAny, secondFactor } from '../accounts/two-factor/schemas.ts'
import { AuditLog } from '../audit/schemas.ts'
import { roleName, timestamp } from '../http/fields.ts'
import { ApiKey } from '../keys/schemas.ts'

export const Deletion = z.strictObject({
  password: passwordIfAny,
  code: secondFactor.code.meta({ description: 'Or `passkey`. Required if a second factor is enabled.' }),
  passkey: secondFactor.passkey,
})

export const Export = z
  .object({
    exported_at: timestamp,
    profile: User,
    memberships: z.array(
      z.object({
        organization_id: z.uuid(),
        organization_name: z.string(),
        role: roleName,
        created_at: timestamp,
      }),
    ),
    directories: z
      .array(
        z.object({
          organization_id: z.uuid(),
          user_name: z.string(),
          external_id: z.string().nullable(),
          attributes: z.record(z.string(), z.unknown()),
          created_at: timestamp,
        }),
      )
      .meta({ description: 'Your data from directories of organizations.' }),
    identities: z
      .array(Identity)
      .meta({ description: 'Accounts at identity providers that can sign in to your account.' }),
    passkeys: z.array(Passkey).meta({ description: 'Passkeys that can sign in to your account.' }),
    sessions: z.array(
      z.object({
        id: z.uuid(),
        ip: z.string().nullable(),
        user_agent: z.string().nullable(),
        created_at: timestamp,
        last_used_at: timestamp,
        expires_at: timestamp,
        ended_at: timestamp.nullable(),
        end_reason: z.string().nullable(),
        is_support: z.boolean().meta({ description: 'Whether an administrator opened it for support.' }),
      }),
    ),
    api_keys: z
      .array(ApiKey)
      .meta({ description: 'Keys that you issued, and those of applications that act for you, in any organization.' }),
    audit_logs: z.array(AuditLog).meta({ description: 'Your own actions, and actions on your account.' }),
    usage: z
      .array(
        z.object({
          organization_id: z.uuid(),
          month: z.string(),
          requests: z.int(),
          api_calls: z.int(),
          queries: z.int(),
          tokens: z.int(),
          errors: z.int(),
          cost_usd: z.string().meta({ description: 'US dollars, a decimal string.' }),
        }),
      )
      .meta({ description: 'The usage of your organizations by calendar month (UTC).' }),
  })
  .meta({ id: 'AccountExport' })
