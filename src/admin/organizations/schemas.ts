import * as z from 'zod'
import { forEachAmount, money } from '../../http/amounts.ts'
import {
  email,
  externalId,
  line,
  listSchema,
  metadata,
  organizationInPath,
  pageQuery,
  roleName,
  timestamp,
} from '../../http/fields.ts'
import { NamedLimitBody } from '../../keys/limit-schemas.ts'
import { flag, plan, QuotaOverrides, reason, search } from '../schemas.ts'
import { NO_ACTIVE_MEMBERS } from '../users/queries.ts'
import { STATUSES } from './status.ts'

export const OrganizationParams = z.strictObject({ organization_id: organizationInPath })
export const ExternalIdParams = z.strictObject({ external_id: externalId })

export const SORTS = ['-created_at', 'created_at', 'name', '-name'] as const

const STATUS =
  '`past_due`: the payments of its subscription fail, whether the provider still tries (`past_due`) or has given up (`unpaid`). `suspended`: it is suspended, also if payments fail. `active`: neither.'

export const OrganizationQuery = pageQuery.extend({
  cursor: z.string().min(1).max(2_000).optional(), // with a name
  search: search.meta({
    description: 'A part of the name, the slug, the external id or the email address, in upper or lower case.',
  }),
  plan: plan.optional(),
  status: z.enum(STATUSES).optional().meta({
    description: STATUS,
  }),
  at_limit: flag.meta({
    description: 'Whether any meter, built-in or custom, has reached its limit in the current period.',
  }),
  idle_days: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number from 1 to 3,650')
    .transform(Number)
    .pipe(z.int().min(1).max(3_650))
    .optional()
    .meta({ type: 'integer', description: 'Only organizations without usage in this many days.' }),
  created_from: timestamp.optional(),
  created_to: timestamp.optional().meta({ description: 'Exclusive.' }),
  sort: z.enum(SORTS).default('-created_at'),
})

export const AdminOrganization = z
  .object({
    id: z.uuid(),
    external_id: z.string().nullable().meta({ description: "The operator's own id of this customer." }),
    name: z.string(),
    slug: z.string(),
    email: z.string().nullable().meta({ description: 'Billing contact.' }),
    metadata: z.record(z.string(), z.unknown()),
    plan: z.string(),
    plan_version: z.int().meta({ description: 'It stays on this version until it is moved.' }),
    is_platform: z.boolean(),
    is_personal: z.boolean(),
    limit_overrides: z.object({
      ...forEachAmount(z.number().optional(), money.optional()),
      rate_limit_per_minute: z.int().optional(),
      max_api_keys: z.int().optional(),
      meters: z.record(z.string(), z.number()).optional().meta({ description: 'Limits of your own meters, by slug.' }),
      max_concurrent: z.int().optional(),
      organization_limits: z.array(NamedLimitBody).optional(),
    }),
    member_count: z.int(),
    status: z.enum(STATUSES).meta({ description: STATUS }),
    suspended_at: timestamp.nullable(),
    suspended_reason: z.string().nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'AdminOrganization' })

export const AdminOrganizationList = listSchema(AdminOrganization)

/** Metadata with at most 50 keys; its other bounds are the same as for other metadata. */
const customerMetadata = metadata.refine((value) => Object.keys(value).length <= 50, 'must have at most 50 keys')

const fields = {
  name: line(200),
  email: email.nullable().meta({ type: ['string', 'null'], format: 'email', description: 'Billing contact.' }),
  metadata: customerMetadata.meta({
    description: 'Your own notes, up to 50 keys and 4,000 characters. A change replaces all of them.',
  }),
  plan,
  limits: QuotaOverrides.meta({
    id: 'OrganizationLimits',
    description:
      "A number overrides the plan's limit, null restores the plan's limit, and absent fields stay unchanged.",
  }),
}

export const CustomerUpsert = z
  .strictObject({
    name: fields.name.optional().meta({ description: 'For a new organization, defaults to the external id.' }),
    email: fields.email.optional(),
    metadata: fields.metadata.optional(),
    plan: fields.plan.optional().meta({ description: 'For a new organization, defaults to the first plan.' }),
    limits: fields.limits.optional(),
  })
  .meta({ id: 'CustomerUpsert' })

export const NewCustomer = CustomerUpsert.extend({ name: fields.name, external_id: externalId.optional() }).meta({
  id: 'NewCustomer',
})

export const CustomerChange = CustomerUpsert.extend({
  name: fields.name.optional(),
  plan: fields.plan.optional(),
  external_id: externalId.nullable().optional(),
}).meta({ id: 'CustomerChange' })

export const NewMember = z
  .strictObject({
    email: email,
    role: roleName.default('member'),
    send_invitation: z.boolean().default(false).meta({
      description: 'Send an invitation by email instead of adding an existing user at once.',
    }),
  })
  .meta({ id: 'NewMember' })

export const PlanChange = z.strictObject({ plan, reason: reason.optional() })

export const Suspension = z
  .strictObject({
    suspended: z.boolean(),
    reason: reason.optional().meta({ description: 'Required to suspend. Owners can read it.' }),
  })
  .refine((body) => !body.suspended || body.reason !== undefined, {
    path: ['reason'],
    message: 'is needed to suspend',
  })
  .refine((body) => body.reason !== NO_ACTIVE_MEMBERS, {
    path: ['reason'],
    message: 'is reserved for automatic suspensions',
  })
  .meta({ example: { suspended: true, reason: 'Keys of this organization are shared in public.' } })
