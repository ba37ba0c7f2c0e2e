import * as z from 'zod'
import { ALERT_KINDS } from '../db/schema/shapes.ts'
import { roleName, timestamp } from '../http/fields.ts'
import type { WebhookEventType } from './event-types.ts'

const Organization = z.strictObject({
  id: z.uuid(),
  external_id: z.string().nullable().meta({ description: "The operator's own id of it." }),
  name: z.string(),
})

const Key = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  key_hint: z.string(),
  environment: z.enum(['live', 'test']),
  scopes: z.array(z.string()),
  is_active: z.boolean(),
  metadata: z.record(z.string(), z.unknown()),
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable().meta({ description: 'In the future while a rotated key is in its grace period.' }),
  leaked_at: timestamp.nullable(),
  created_at: timestamp,
  created_by: z.uuid().nullable(),
  rotated_from: z.uuid().nullable(),
  replaced_by: z.uuid().nullable(),
})

const role = roleName

const Member = z.strictObject({ user_id: z.uuid(), email: z.string(), name: z.string().nullable(), role })

const Invitation = z.strictObject({
  id: z.uuid(),
  email: z.string(),
  role,
  invited_by: z.uuid().nullable(),
  created_at: timestamp,
  expires_at: timestamp,
})

const addons = z.array(z.strictObject({ id: z.string(), quantity: z.int() }))
const interval = z.enum(['month', 'year'])

const Subscription = z.strictObject({
  id: z.uuid(),
  provider: z.enum(['polar', 'stripe']),
  provider_subscription_id: z.string(),
  plan: z.string(),
  interval,
  currency: z.string(),
  seats: z.int().nullable(),
  addons,
  pending_plan: z.string().nullable(),
  pending: z
    .strictObject({ interval, seats: z.int().nullable(), addons })
    .nullable()
    .meta({ description: 'Other changes that take effect with the next period.' }),
  status: z.string(),
  is_current: z.boolean().meta({ description: "Whether it determines the organization's plan." }),
  cancel_at_period_end: z.boolean(),
  current_period_start: timestamp.nullable(),
  current_period_end: timestamp.nullable(),
  trial_end: timestamp.nullable(),
  ended_at: timestamp.nullable(),
})

/** US dollars are decimal strings; everything else is a number. */
const amount = z.union([z.number(), z.string()])

const quota = {
  alert_id: z.uuid(),
  meter: z.string(),
  used: amount,
  period_start: timestamp,
  crossed_at: timestamp,
}

const usd = z.string().meta({ description: 'US dollars, a decimal string.' })

const CreditGrant = z.strictObject({
  id: z.uuid(),
  amount: usd,
  remaining: usd,
  source: z.enum(['purchase', 'plan', 'admin', 'refund']),
  priority: z.int(),
  reason: z.string().nullable(),
  expires_at: timestamp.nullable(),
  created_at: timestamp,
})

const changed = z.array(z.string())
const reason = z.string().nullable()

const about = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject({ organization: Organization, ...shape })

/** The `data` of each event. */
export const EVENT_DATA = {
  'key.created': about({ key: Key }),
  'key.imported': about({ imported: z.int() }),
  'key.updated': about({ key: Key, changed }),
  'key.rotated': about({ key: Key, successor: Key }),
  'key.revoked': about({ key: Key }),
  'key.expiring': about({ key: Key, days: z.int() }),
  'key.expired': about({ key: Key }),
  'key.disabled': about({ key: Key }),
  'key.leaked': about({ key: Key, places: z.array(z.string()) }),
  'organization.created': about({}),
  'organization.updated': about({ changed }),
  'organization.suspended': about({ reason }),
  'organization.resumed': about({ reason }),
  'organization.deleted': about({}),
  'organization.state': about({
    slug: z.string(),
    email: z
      .string()
      .nullable()
      .optional()
      .meta({ description: "The billing contact. Only at the operator's endpoints." }),
    metadata: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: "The operator's own notes. Only at the operator's endpoints." }),
    is_personal: z.boolean(),
    created_at: timestamp,
    suspended_at: timestamp.nullable(),
    suspended_reason: z.string().nullable(),
    plan: z.strictObject({ id: z.string(), name: z.string() }),
    features: z.record(z.string(), z.unknown()),
    subscription: Subscription.nullable().meta({ description: 'The subscription that determines the plan.' }),
    limits: z.strictObject({ rate_limit_per_minute: z.int(), max_api_keys: z.int() }),
    period: z.string(),
    resets_at: timestamp,
    quotas: z.record(
      z.string(),
      z.strictObject({
        limit: amount.nullable(),
        used: amount,
        held: amount,
        remaining: amount.nullable(),
        percent: z.number().nullable(),
        overage: amount,
        name: z.string().optional().meta({ description: 'Only for a custom meter, like `unit` and `kind`.' }),
        unit: z.string().optional(),
        kind: z.enum(['counter', 'gauge']).optional(),
      }),
    ),
    credits: z
      .strictObject({ balance: usd, held: usd })
      .nullable()
      .meta({ description: 'Null for an organization that uses no prepaid credits.' }),
    active_keys: z.int(),
    members: z.int(),
  }),
  'member.added': about({ member: Member }),
  'member.role_changed': about({ member: Member, previous_role: role }),
  'member.removed': about({ member: Member }),
  'invitation.created': about({ invitation: Invitation }),
  'invitation.accepted': about({ invitation: Invitation, user_id: z.uuid() }),
  'invitation.revoked': about({ invitation: Invitation }),
  'invitation.expired': about({ invitation: Invitation }),
  'plan.changed': about({ from: z.string(), to: z.string() }),
  'subscription.created': about({ subscription: Subscription }),
  'subscription.updated': about({ subscription: Subscription, changed }),
  'subscription.ended': about({ subscription: Subscription }),
  'quota.threshold_reached': about({
    ...quota,
    kind: z
      .enum(ALERT_KINDS)
      .meta({ description: 'A percentage of a limit, an amount of usage, or an amount of usage above the limit.' }),
    threshold: z.int().nullable().meta({ description: 'Percent of the limit; null for an amount.' }),
    limit: amount.nullable().meta({ description: 'Null for an amount.' }),
    amount: amount.nullable().meta({ description: 'The amount that was reached; null for a percentage.' }),
    used: amount.meta({ description: 'The usage. For overage, the usage above the limit.' }),
  }),
  'quota.exhausted': about({
    ...quota,
    threshold: z.int().meta({ description: 'Percent of the limit.' }),
    limit: amount,
  }),
  'credits.granted': about({ grant: CreditGrant, balance: usd }),
  'credits.low': about({ balance: usd, low_balance: usd.meta({ description: 'The balance that counts as low.' }) }),
  'credits.exhausted': about({ balance: usd, owed: usd.meta({ description: 'Charges that credits did not cover.' }) }),
  'credits.expired': about({ grant: CreditGrant, amount: usd, balance: usd }),
  'spend_cap.reached': about({
    cost_usd: usd.meta({ description: 'The cap.' }),
    used: usd,
    action: z.enum(['block', 'alert']),
    period_start: timestamp,
  }),
  'rate_limit.refused': about({
    key: Key,
    requests: z.int().meta({
      description: 'The number of refusals since the last write, in the isolate that published the event first.',
    }),
  }),
} as const satisfies Record<WebhookEventType, z.ZodType>
