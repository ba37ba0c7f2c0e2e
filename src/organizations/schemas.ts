import * as z from 'zod'
import { password as passwordField } from '../accounts/passwords/field.ts'
import { stepUpFields } from '../accounts/two-factor/schemas.ts'
import {
  email,
  line,
  listSchema,
  organizationInPath,
  pageQuery,
  roleName as role,
  timestamp,
  uuid,
} from '../http/fields.ts'

const name = line(200)
const slug = z
  .string()
  .regex(/^[a-z0-9](?:-?[a-z0-9])*$/, 'must be lower-case letters and digits, with single hyphens between them')
  .min(3)
  .max(40)
  .meta({ description: 'Lower-case letters and digits, separated by single hyphens. Unique.' })
const password = z
  .string()
  .min(1)
  .max(1024)
  .optional()
  .meta({ description: 'Required if you signed in more than 15 minutes ago.' })

export const OrganizationParams = z.strictObject({ organization_id: organizationInPath })
export const MemberParams = OrganizationParams.extend({ user_id: uuid })
export const InvitationParams = OrganizationParams.extend({ id: uuid })
export const ListQuery = pageQuery
export const InvitationQuery = pageQuery.extend({
  status: z.enum(['pending', 'accepted', 'revoked', 'expired']).optional(),
})

export const Organization = z
  .object({
    id: z.uuid(),
    name: z.string(),
    slug: z.string(),
    external_id: z.string().nullable().meta({ description: "The operator's own id of it." }),
    plan: z.string(),
    role: role.meta({ description: 'Your role.' }),
    is_personal: z.boolean().meta({ description: 'Whether it was created for one person at registration.' }),
    is_active: z.boolean().meta({ description: 'Whether your token acts for it.' }),
    requires_two_factor: z.boolean().meta({ description: 'Whether members need a second factor to act for it.' }),
    suspended_at: timestamp.nullable().meta({ description: 'When it was suspended. Its keys are refused since then.' }),
    member_count: z.int(),
    created_at: timestamp,
  })
  .meta({ id: 'Organization' })

export const OrganizationList = listSchema(Organization)

export const NewOrganization = z
  .strictObject({ name, slug: slug.optional() })
  .meta({ example: { name: 'Analytical Engines', slug: 'analytical-engines' } })

export const OrganizationChange = z
  .strictObject({
    name: name.optional(),
    slug: slug.optional(),
    requires_two_factor: z.boolean().optional().meta({
      description: 'Only owners can change it. To enable it, they need a second factor themselves.',
    }),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), 'must have a field to change')
  .meta({ example: { name: 'Analytical Engines' } })

export const OrganizationDeletion = z.strictObject({
  confirm_name: z.string().max(200).meta({ description: 'The exact name of the organization.' }),
  password,
})

export const SwitchedToken = z
  .object({
    access_token: z.string(),
    token_type: z.literal('bearer'),
    expires_in: z.int().meta({
      description:
        'Seconds until the access token expires, which is when the previous one does. The refresh token does not change.',
    }),
    organization_id: z.uuid(),
  })
  .meta({ id: 'SwitchedToken' })

export const Member = z
  .object({
    user_id: z.uuid(),
    email: z.string(),
    name: z.string().nullable(),
    role,
    is_active: z.boolean().meta({ description: 'False while an administrator has disabled the account.' }),
    two_factor_enabled: z.boolean().nullable().meta({
      description: 'Whether they have a second factor. Null if you may not manage members.',
    }),
    created_at: timestamp.meta({ description: 'When they became a member.' }),
  })
  .meta({ id: 'Member' })

export const MemberList = listSchema(Member)

/** For what creates administrators of the deployment. */
const proof = stepUpFields(
  'Your own password. Required in the platform organization if your sign-in is older than 15 minutes.',
)

export const RoleChange = z.strictObject({ role, ...proof })
export const Transfer = z.strictObject({ user_id: uuid.meta({ description: 'A member.' }), password })

export const NewInvitation = z.strictObject({ email, role, ...proof })

export const Invitation = z
  .object({
    id: z.uuid(),
    email: z.string(),
    role,
    status: z.enum(['pending', 'accepted', 'revoked', 'expired']).meta({
      description: 'An invitation is also revoked if its inviter may no longer invite for the role.',
    }),
    invited_by: z.uuid().nullable(),
    created_at: timestamp,
    expires_at: timestamp,
    accepted_at: timestamp.nullable(),
  })
  .meta({ id: 'Invitation' })

export const InvitationList = listSchema(Invitation)

export const Acceptance = z.strictObject({
  token: z.string().max(1024).meta({ description: 'The token, from the fragment of the link in the email.' }),
  password: passwordField.optional().meta({
    description:
      'Without an access token: the password of the account with the invited address, or of the account to create.',
  }),
  name: line(200).optional().meta({ description: 'The name of the account to create.' }),
})

export const Accepted = z
  .object({
    organization_id: z.uuid(),
    organization_name: z.string(),
    role,
    user_id: z.uuid(),
    is_new_account: z.boolean(),
  })
  .meta({ id: 'AcceptedInvitation' })
