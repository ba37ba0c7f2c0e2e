import * as z from 'zod'
import { forEachAmount, money } from '../http/amounts.ts'
import { listSchema, organizationFilter, organizationRef, timestamp } from '../http/fields.ts'
import { text } from '../http/text-field.ts'

/** `safeReturn` decides which URLs are allowed: this deployment, and the origins that may call it. */
const address = z.url({ protocol: /^https?$/ }).max(1_000)

const provider = z.enum(['polar', 'stripe'])
const cents = z.int().meta({ description: 'US cents.' })
const usd = z.string().meta({ description: 'US dollars, with six decimals.' })

const Period = {
  current_period_start: timestamp.nullable(),
  current_period_end: timestamp.nullable().meta({ description: 'The exclusive end of the period.' }),
}

export const BillingSubscription = z
  .object({
    provider,
    status: z.enum(['incomplete', 'trialing', 'active', 'past_due', 'paused', 'canceled', 'unpaid']),
    plan: z.string().meta({ description: 'The plan that was bought.' }),
    pending_plan: z.string().nullable().meta({ description: 'The plan that begins with the next period.' }),
    ...Period,
    cancel_at_period_end: z.boolean().meta({ description: 'It ends with this period, unless that is revoked.' }),
    pause_at_period_end: z.boolean().meta({ description: 'It is paused when this period ends (Polar).' }),
    trial_end: timestamp.nullable(),
    past_due_since: timestamp.nullable().meta({ description: 'Since when its payment has failed.' }),
  })
  .meta({ id: 'BillingSubscription' })

const use = <Schema extends z.ZodType>(amounts: Schema) =>
  z.object({
    limit: amounts.nullable(),
    used: amounts,
    remaining: amounts.nullable(),
    percent: z.number().nullable(),
    overage: amounts,
  })

const MeterUse = use(z.number()).meta({ id: 'MeterUse' })
const MoneyMeterUse = use(money).meta({ id: 'MoneyMeterUse' })

export const InfoQuery = z.strictObject({ ...organizationRef })

export const BillingInfo = z
  .object({
    organization_id: z.uuid(),
    plan: z
      .object({
        id: z.string().meta({ example: 'builder' }),
        name: z.string().meta({ example: 'Builder' }),
        price_per_month_cents: z.int().nullable(),
      })
      .meta({
        description: 'The plan that is in force.',
      }),
    status: z
      .enum(['none', ...BillingSubscription.shape.status.options])
      .meta({ description: 'The status of the subscription; `none` without one.' }),
    provider: provider.nullable(),
    subscription: BillingSubscription.nullable(),
    next_charge: z
      .object({
        at: timestamp,
        amount_cents: z.int().meta({ description: "In the currency's smallest unit: cents, or whole yen." }),
        currency: z.string().meta({ description: 'ISO 4217, in lower case.' }),
      })
      .nullable()
      .meta({
        description:
          "The provider's next charge and the overage so far, before taxes and discounts. Null if nothing will be charged, for example while paused, or if it is not known.",
      }),
    usage: z.object({
      period: z.string(),
      resets_at: timestamp,
      meters: z.object(forEachAmount(MeterUse, MoneyMeterUse)),
    }),
    overage: z
      .object({
        meters: z.record(z.string(), z.object({ units: z.int(), amount_usd: usd })),
        total_usd: usd,
        total_cents: cents,
      })
      .meta({ description: 'The use above the limits in this period, and its cost.' }),
    payment_method: z
      .object({ brand: z.string(), last4: z.string(), expires_month: z.int(), expires_year: z.int() })
      .nullable()
      .meta({ description: 'Null if the provider shows it only on its own pages.' }),
    providers: z.array(provider).meta({ description: 'The providers that accept payments here.' }),
  })
  .meta({ id: 'BillingInfo' })

export const NewCheckout = z.strictObject({
  ...organizationRef,
  plan: text(200).meta({ example: 'builder' }),
  provider: provider.optional().meta({ description: 'Defaults to the first provider that sells the plan.' }),
  success_url: address.optional().meta({
    description:
      'The URL that the customer returns to, with `checkout_id` added: at this deployment, or at an origin of CORS_ORIGINS.',
  }),
  cancel_url: address.optional(),
})

export const Checkout = z.object({ id: z.string(), url: z.url(), provider, plan: z.string() }).meta({ id: 'Checkout' })

export const NewPortal = z.strictObject({ ...organizationRef, return_url: address.optional() })
export const Portal = z.object({ url: z.url(), provider }).meta({ id: 'PortalSession' })

export const PlanChoice = z.strictObject({
  ...organizationRef,
  plan: text(200).meta({ example: 'advanced' }),
})
export const OnlyOrganization = z.strictObject({ ...organizationRef }).meta({ id: 'SubscriptionChoice' })

export const LedgerQuery = z.strictObject({ ...organizationFilter })

const LedgerMeter = z
  .object({
    period_start: timestamp,
    period_end: timestamp,
    meter: z.string(),
    plan: z.string(),
    provider,
    included_units: z.int().nullable().meta({ description: 'Null if nothing is charged.' }),
    used_units: z.int(),
    used_units_by_hour: z
      .int()
      .nullable()
      .meta({ description: 'The same from the hourly sums. Null if no hour begins with the period.' }),
    overage_units: z.int(),
    overage_usd: usd.meta({ description: 'Their price.' }),
    recorded_units: z.int().meta({ description: 'The units in the ledger.' }),
    recorded_usd: usd,
    pending_units: z.int().meta({ description: 'Not sent yet; at Stripe they wait for an invoice.' }),
    sent_units: z.int(),
    refused_units: z.int(),
    written_off_units: z.int(),
    unknown_units: z.int().meta({
      description:
        'At Stripe with another amount, or sent there as meter events by an earlier version, without an answer.',
    }),
    difference_units: z
      .int()
      .meta({ description: 'Overage that is not recorded yet. Negative if more was recorded, as before an upgrade.' }),
    difference_usd: usd,
  })
  .meta({ id: 'LedgerMeter' })

export const Ledger = listSchema(LedgerMeter)
