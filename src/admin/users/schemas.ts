import * as z from 'zod'
import { password } from '../../accounts/passwords/field.ts'
import { code } from '../../accounts/two-factor/schemas.ts'
import { forEachAmount, money } from '../../http/amounts.ts'
import { line, listSchema, organizationFilter, pageQuery, timestamp, uuid } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { NO_ACTIVE_MEMBERS } from './queries.ts'

/** Booleans arrive as text in a query. */
const flag = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .optional()
  .meta({ type: 'boolean' })

const search = text(200).min(1).optional()
const plan = text(100).min(1).meta({ example: 'builder' })

export const UserParams = z.strictObject({ id: uuid })

export const UserQuery = pageQuery.extend({
  search: search.meta({ description: 'A part of the email address or the name, in any case of letters.' }),
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
        role: z.enum(['owner', 'admin', 'member', 'viewer']),
        plan: z.string(),
      }),
    ),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'AdminUser' })

export const AdminUserList = listSchema(AdminUser)

const reason = line(500).meta({ description: 'Kept in the audit log.' })

/** With what the administrator proves that it is them, where their sign-in is older than 15 minutes. */
export const ReasonWithProof = z
  .strictObject({
    reason,
    password: password
      .optional()
      .meta({ description: "The administrator's own, when their sign-in is older than 15 minutes." }),
    code: code.optional().meta({ description: "Or a code of the administrator's second factor." }),
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

export const OrganizationQuery = pageQuery.extend({
  search: search.meta({ description: 'A part of the name or the slug, in any case of letters.' }),
  plan: plan.optional(),
})

export const AdminOrganization = z
  .object({
    id: z.uuid(),
    name: z.string(),
    slug: z.string(),
    plan: z.string(),
    is_platform: z.boolean(),
    is_personal: z.boolean(),
    limit_overrides: z.object({
      ...forEachAmount(z.number().optional(), money.optional()),
      rate_limit_per_minute: z.int().optional(),
      max_api_keys: z.int().optional(),
    }),
    member_count: z.int(),
    suspended_at: timestamp.nullable(),
    suspended_reason: z.string().nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'AdminOrganization' })

export const AdminOrganizationList = listSchema(AdminOrganization)

export const PlanChange = z.strictObject({ plan, reason: reason.optional() })

export const Suspension = z
  .strictObject({
    suspended: z.boolean(),
    reason: reason.optional().meta({ description: 'Needed to suspend. Owners read it.' }),
  })
  .refine((body) => !body.suspended || body.reason !== undefined, {
    path: ['reason'],
    message: 'is needed to suspend',
  })
  .refine((body) => body.reason !== NO_ACTIVE_MEMBERS, {
    path: ['reason'],
    message: 'is kept for suspensions that end by themselves',
  })
  .meta({ example: { suspended: true, reason: 'Keys of this organization are shared in public.' } })
