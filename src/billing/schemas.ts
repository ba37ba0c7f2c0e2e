import * as z from 'zod'
import { INTERVALS } from '../db/schema/shapes.ts'
import { forEachAmount, money } from '../http/amounts.ts'
import { listSchema, organizationFilter, organizationRef, timestamp } from '../http/fields.ts'
import { text } from '../http/text-field.ts'
import { CatalogPrice } from './plans/schemas.ts'

/** `safeReturn` decides which URLs are allowed: this deployment, and the origins that may call it. */
const address = z.url({ protocol: /^https?$/ }).max(1_000)

const provider = z.enum(['polar', 'stripe'])
const cents = z.int().meta({ description: 'US cents.' })
const usd = z.string().meta({ description: 'US dollars, with six decimals.' })

const currency = z.string().meta({ example: 'usd' })
const BookedAddon = z.object({ id: z.string(), quantity: z.int() }).meta({ id: 'BookedAddon' })

const Period = {
  current_period_start: timestamp.nullable(),
  current_period_end: timestamp.nullable().meta({ description: 'The exclusive end of the period.' }),
}

export const BillingSubscription = z
  .object({
    provider,
    status: z.enum(['incomplete', 'trialing', 'active', 'past_due', 'paused', 'canceled', 'unpaid']),
    plan: z.string().meta({ description: 'The plan that was bought.' }),
    plan_version: z.int().meta({ description: 'Its version; a subscription stays on it until it is moved.' }),
    interval: z.enum(INTERVALS),
    currency: currency.meta({ description: 'ISO 4217, in lower case.' }),
    seats: z.int().nullable().meta({ description: 'Null if the plan has no seats.' }),
    addons: z.array(BookedAddon),
    pending_plan: z.string().nullable().meta({ description: 'The plan that begins with the next period.' }),
    pending: z
      .object({
        plan: z.string(),
        interval: z.enum(INTERVALS),
        seats: z.int().nullable(),
        addons: z.array(BookedAddon),
      })
      .nullable()
      .meta({ description: 'Everything that changes with the next period. Null if nothing does.' }),
    ...Period,
    cancel_at_period_end: z
      .boolean()
      .meta({ description: 'Whether it ends with this period, unless the cancellation is revoked.' }),
    pause_at_period_end: z.boolean().meta({ description: 'Whether it is paused when this period ends (Polar).' }),
    trial_end: timestamp.nullable(),
    past_due_since: timestamp.nullable().meta({ description: 'When its payment first failed.' }),
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
        version: z.int(),
        name: z.string().meta({ example: 'Builder' }),
        price: CatalogPrice.nullable().meta({
          description:
            'The price of the subscription. Without one, the first price of the plan. Null if it is negotiated.',
        }),
        price_per_call_usd: z
          .string()
          .nullable()
          .meta({ description: 'The price of a call in US dollars; null if calls are free.' }),
      })
      .meta({
        description: 'The current plan.',
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
          "The provider's next charge and the overage so far, before taxes and discounts. Null if nothing will be charged, for example while the subscription is paused, or if the amount is not known.",
      }),
    usage: z.object({
      period: z.string(),
      resets_at: timestamp,
      meters: z.object(forEachAmount(MeterUse, MoneyMeterUse)).catchall(z.union([MeterUse, MoneyMeterUse])),
    }),
    overage: z
      .object({
        meters: z.record(z.string(), z.object({ units: z.int(), amount_usd: usd })),
        total_usd: usd,
        total_cents: cents,
      })
      .meta({ description: 'The usage above the limits in this period, and its cost.' }),
    spend_cap: z
      .object({ cost_usd: usd, action: z.enum(['block', 'alert']), used: usd })
      .nullable()
      .meta({
        description:
          "The organization's own cap on the cost of a usage period, and the charges of the current one. Null without a cap.",
      }),
    payment_method: z
      .object({ brand: z.string(), last4: z.string(), expires_month: z.int(), expires_year: z.int() })
      .nullable()
      .meta({ description: 'Null if the provider shows it only on its own pages.' }),
    providers: z.array(provider).meta({ description: 'The providers that accept payments here.' }),
  })
  .meta({ id: 'BillingInfo' })

const MAX_ADDONS = 50

/** The parts of a plan to buy. */
const terms = {
  interval: z.enum(INTERVALS).optional().meta({
    description: 'Defaults to that of the subscription. Without one, to a month if the plan is sold by the month.',
  }),
  currency: z
    .string()
    .regex(/^[a-z]{3}$/, 'must be the code of a currency in lower case, such as usd')
    .optional()
    .meta({
      description:
        'ISO 4217, in lower case. Defaults to that of the subscription. Without one, to `usd` if the plan is sold in it.',
    }),
  seats: z.int().min(1).max(100_000).optional().meta({
    description:
      'The total number of seats. Defaults to that of the subscription. Without one, to the seats that the plan includes.',
  }),
  addons: z
    .array(z.strictObject({ id: text(64), quantity: z.int().min(1).max(1_000) }).meta({ id: 'AddonChoice' }))
    .max(MAX_ADDONS)
    .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, 'must name each add-on once')
    .optional()
    .meta({ description: 'All add-ons, replacing the existing ones. Defaults to those of the subscription.' }),
}

export const NewCheckout = z.strictObject({
  ...organizationRef,
  plan: text(200).meta({ example: 'builder' }),
  ...terms,
  provider: provider.optional().meta({ description: 'Defaults to the first provider that sells the plan.' }),
  success_url: address.optional().meta({
    description:
      'The URL that the customer returns to, with `checkout_id` added: at this deployment, or at an origin of CORS_ORIGINS.',
  }),
  cancel_url: address.optional(),
})

export const Checkout = z.object({ id: z.string(), url: z.url(), provider, plan: z.string() }).meta({ id: 'Checkout' })

const AMOUNT = /^(\d{1,5})(?:\.(\d{1,2})0*)?$/
const AMOUNT_MESSAGE = 'must be US dollars from 1.00 to 10000.00 with at most two decimals, as text or as a number'

/** Dollars and cents to pay, as text or as a number. Becomes decimal text with two decimals. */
const payment = z
  .union([z.number(), z.string().max(20)], AMOUNT_MESSAGE)
  .transform((value, context) => {
    const [, whole, decimals = ''] = AMOUNT.exec(String(value).trim()) ?? []
    const amount = Number(`${whole}.${decimals}`)
    if (whole !== undefined && amount >= 1 && amount <= 10_000) return amount.toFixed(2)
    context.issues.push({ code: 'custom', message: AMOUNT_MESSAGE, input: value })
    return z.NEVER
  })
  .meta({ description: 'US dollars, before taxes.', example: '25.00' })

export const NewTopUp = z.strictObject({
  ...organizationRef,
  amount: payment,
  provider: provider.optional().meta({ description: 'Defaults to the first provider that sells credits.' }),
  success_url: NewCheckout.shape.success_url,
  cancel_url: address.optional(),
})

export const TopUp = z.object({ id: z.string(), url: z.url(), provider, amount: z.string() }).meta({ id: 'TopUp' })

export const NewPortal = z.strictObject({ ...organizationRef, return_url: address.optional() })
export const Portal = z.object({ url: z.url(), provider }).meta({ id: 'PortalSession' })

export const PlanChoice = z
  .strictObject({
    ...organizationRef,
    plan: text(200).optional().meta({ example: 'advanced', description: 'Defaults to the plan of the subscription.' }),
    ...terms,
  })
  .meta({ example: { plan: 'advanced', interval: 'month' } })

export const ChangePreview = z
  .object({
    plan: z.string(),
    interval: z.enum(INTERVALS),
    currency,
    seats: z.int().nullable(),
    addons: z.array(BookedAddon),
    when: z
      .enum(['now', 'period_end'])
      .nullable()
      .meta({ description: 'Null if the subscription already has this state, or will have it.' }),
    begins_at: timestamp.nullable(),
    lines: z.array(z.object({ description: z.string(), amount_cents: z.int() })).meta({
      description: 'The amounts that are charged and credited at once, computed to the second of this response.',
    }),
    due_now_cents: z.int().nullable().meta({
      description: 'Their sum, before taxes, discounts and credit. Null if a price was negotiated.',
    }),
    then_cents: z.int().nullable().meta({ description: 'The price of each following period.' }),
    then_at: timestamp.nullable().meta({ description: 'When the first of these periods is charged.' }),
  })
  .meta({ id: 'ChangePreview' })
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
    used_units_by_hour: z.int().nullable().meta({
      description: 'The same, computed from the hourly sums. Null if the period does not begin with a full hour.',
    }),
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
        'At Stripe with another amount, or sent there as meter events by an earlier version without a known outcome.',
    }),
    unpaid_units: z
      .int()
      .meta({ description: 'On a separate invoice that was not paid. They are included in `sent_units`.' }),
    difference_units: z
      .int()
      .meta({ description: 'Overage that is not recorded yet. Negative if more was recorded, as before an upgrade.' }),
    difference_usd: usd,
  })
  .meta({ id: 'LedgerMeter' })

export const Ledger = listSchema(LedgerMeter)
