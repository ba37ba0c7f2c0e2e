import * as z from 'zod'
import { stepUpFields } from '../../accounts/two-factor/schemas.ts'
import {
  email,
  externalId,
  line,
  listSchema,
  organizationFilter,
  pageQuery,
  roleName,
  timestamp,
  uuid,
} from '../../http/fields.ts'
import { flag, plan, reason, search } from '../schemas.ts'

export const UserParams = z.strictObject({ id: uuid })

export const UserQuery = pageQuery.extend({
  search: search.meta({ description: 'A part of the email address or the name, in upper or lower case.' }),
  is_active: flag,
  is_verified: flag,
  two_factor_enabled: flag,
  plan: plan.optional().meta({ description: 'Members of organizations on this plan.' }),
  ...organizationFilter,
})

export const AdminUser = z
  .object({
    id: z.uuid(),
    email: z.string(),
    name: z.string().nullable(),
    is_active: z.boolean(),
    is_verified: z.boolean(),
    is_administrator: z.boolean(),
    two_factor_enabled: z.boolean(),
    organizations: z.array(
      z.object({
        id: z.uuid(),
        name: z.string(),
        role: roleName,
        plan: z.string(),
      }),
    ),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'AdminUser' })

export const AdminUserList = listSchema(AdminUser)

/** With a proof of the administrator's identity, for a sign-in older than 15 minutes. */
export const ReasonWithProof = z
  .strictObject({
    reason,
    ...stepUpFields('Your own password. Required if your sign-in is older than 15 minutes.'),
  })
  .meta({ id: 'ReasonWithProof' })
export const OptionalReason = z.strictObject({ reason: reason.optional() }).meta({ id: 'OptionalReason' })

export const SupportToken = z
  .object({
    access_token: z.string().meta({ description: 'Its claim `act` names the administrator (RFC 8693 §4.1).' }),
    token_type: z.literal('bearer'),
    expires_in: z.int().meta({ description: 'Seconds; there is no refresh token.' }),
  })
  .meta({ id: 'SupportToken' })

export const NewUser = z
  .strictObject({
    email,
    name: line(200).optional(),
    organization_id: uuid
      .optional()
      .meta({ description: 'The organization they join. If absent, they get a personal one.' }),
    external_id: externalId
      .optional()
      .meta({ description: "Alternative to `organization_id`: the operator's own id of the organization." }),
    role: roleName.default('member').meta({ description: 'The role in the named organization.' }),
    send_invitation: z
      .boolean()
      .default(false)
      .meta({ description: 'Whether to email a link that sets the password.' }),
  })
  .meta({ id: 'NewUser' })
