/**
 * The interface of a payment provider, implemented by polar.ts and stripe.ts. No other file knows their protocols.
 *
 * Every function fails with a Problem: `payment_failed` (402: the card was refused), `subscription_locked` (409: the
 * provider is processing it, retry), `subscription_ending` (409: it was canceled there), `billing_refused` (422: the
 * provider refuses this; `detail` has its words), `billing_unavailable` (503: no answer within 10 s, rate limited, or a
 * failure of the provider).
 */

import type { CreditPayment } from './credit-payments.ts'

export type ProviderName = 'polar' | 'stripe'

export const PROVIDERS: readonly ProviderName[] = ['polar', 'stripe']

export type SubscriptionStatus = 'incomplete' | 'trialing' | 'active' | 'past_due' | 'paused' | 'canceled' | 'unpaid'

/** One line of a subscription. Lines may have their own periods: a yearly add-on beside a monthly plan. */
interface BoughtItem {
  /** Polar's product id, or Stripe's price id. A plan's price has it in `polar_product_id` or `stripe_price_id`. */
  readonly product: string
  /** The quantity; for a plan, its seats. Absent if the item has none. */
  readonly quantity?: number | undefined
  /** ISO 4217, in lower case, if the provider says so. */
  readonly currency?: string | undefined
  readonly periodStart: Date | undefined
  readonly periodEnd: Date | undefined
}

/** One line of the requested subscription. */
export interface OrderedItem {
  /** Polar's product id, or Stripe's price id. */
  readonly product: string
  /** The quantity; absent if the item has none: a plan without seats, and metered prices. */
  readonly quantity?: number | undefined
  /** ISO 4217, in lower case, if one product has several. */
  readonly currency?: string | undefined
}

/** The next charge for the subscribed items, before taxes, discounts and metered use. */
export interface NextCharge {
  readonly at: Date
  /** In the smallest unit of the currency: cents, or whole yen. */
  readonly amount: number
  /** ISO 4217, in lower case. */
  readonly currency: string
}

/** The current state of a subscription at its provider, in terms that both providers share. */
export interface ProviderSubscription {
  readonly provider: ProviderName
  readonly id: string
  readonly customerId: string
  /**
   * From `org_id` in its metadata or its customer's, or the customer's external id (Polar). Absent if somebody created
   * it manually.
   */
  readonly organizationId: string | undefined
  readonly status: SubscriptionStatus
  /** The bought items, in arbitrary order: one may be a plan, others are add-ons and metered prices. */
  readonly items: readonly BoughtItem[]
  /** The items from the next period on, if a change is scheduled; otherwise empty. */
  readonly pendingItems: readonly OrderedItem[]
  /** It ends with its period unless that is revoked. */
  readonly cancelAtPeriodEnd: boolean
  /** It is paused when its period ends unless that is revoked. Absent if the provider has no scheduled pause. */
  readonly pauseAtPeriodEnd?: boolean | undefined
  /** A date at which it ends, if the provider has one instead of the flag. */
  readonly cancelAt?: Date | undefined
  /** The next charge for the current items, whether or not another plan follows. Absent if it cannot be derived. */
  readonly nextCharge?: NextCharge | undefined
  /** Its next invoice is not collected, although it goes on, because staff paused that. */
  readonly isUncollected?: boolean | undefined
  readonly trialEnd: Date | undefined
  /** Since when payment has failed, if the provider says so. */
  readonly pastDueSince: Date | undefined
  /** When it ended; absent while it is live. */
  readonly endedAt: Date | undefined
  /** The provider's timestamp of this state, if it has one. */
  readonly updatedAt: Date | undefined
}

interface SubscriptionPage {
  readonly subscriptions: readonly ProviderSubscription[]
  /** Ids of subscriptions with an unknown shape, which do not affect the others. */
  readonly unreadable: readonly string[]
  readonly next: string | undefined
}

interface PaymentPage {
  readonly payments: readonly CreditPayment[]
  /** Ids of payments with an unknown shape, which do not affect the others. */
  readonly unreadable: readonly string[]
  readonly next: string | undefined
}

export interface CheckoutInput {
  readonly organizationId: string
  /** The plan's line, with its seats if it has any. */
  readonly plan: OrderedItem
  /** Add-ons that are billed with it (Stripe). */
  readonly addons?: readonly OrderedItem[]
  /** Price ids of metered prices that are billed with it (Stripe). At Polar they belong to the product. */
  readonly meteredProducts?: readonly string[]
  /** ISO 4217, in lower case, if the product has prices in several (Polar). */
  readonly currency?: string | undefined
  /** The number of days without a charge. */
  readonly trialDays?: number | undefined
  readonly email: string
  readonly name?: string
  /** The URL that the customer returns to. The provider's checkout id is added as `checkout_id`. */
  readonly successUrl: string
  readonly cancelUrl: string
  /** The same for a repeated request, so that the provider returns the first session again (Stripe). */
  readonly idempotencyKey: string
  /** The customer at this provider, if there is one already. */
  readonly customerId?: string | undefined
}

/** Credits to buy. */
export interface TopUpInput
  extends Pick<
    CheckoutInput,
    'organizationId' | 'email' | 'name' | 'successUrl' | 'cancelUrl' | 'idempotencyKey' | 'customerId'
  > {
  readonly cents: number
}

export interface PlanSwitch {
  readonly subscriptionId: string
  /** The plan's line to change to. */
  readonly plan: OrderedItem
  /** Whether only the seats change: Polar has a separate call for that. */
  readonly isSeatsOnly?: boolean
  /** Add-ons that are billed with it (Stripe). */
  readonly addons?: readonly OrderedItem[]
  /** Metered prices that are billed with it (Stripe). At Polar they belong to the product. */
  readonly meteredProducts?: readonly string[]
  /**
   * All product ids of plans, including add-ons and metered prices. These items are replaced; other items of the subscription stay
   * (Stripe).
   */
  readonly ofPlans?: readonly string[]
  /** The product ids of plans alone: the item of the subscription that has one is its plan, wherever it stands (Stripe). */
  readonly planProducts?: readonly string[]
  /**
   * `now`: charged or credited for the rest of the period. `period_end`: from the next period on, nothing is charged
   * now.
   */
  readonly when: 'now' | 'period_end'
  readonly idempotencyKey: string
}

/** An amount of a meter, used by one organization. Polar prices it; Stripe charges the cents that were computed here. */
export interface UsageAmount {
  /** The provider counts a key once, forever (Polar) or for at least a day (Stripe). */
  readonly idempotencyKey: string
  /** Above 0, an earlier attempt may be so old that Stripe has dropped its key, so Stripe is queried first. */
  readonly generation: number
  readonly organizationId: string
  readonly customerId: string
  /** The subscription whose renewal charges it (Stripe); undefined if it gets its own invoice. */
  readonly subscriptionId: string | undefined
  /** The provider's name for the meter: its event name at Polar, its name on invoices at Stripe. */
  readonly meter: string
  /** Whole units, at least 0. */
  readonly value: number
  /** Billed units per displayed unit: a billed unit of `cost_usd` is a millionth of a dollar. */
  readonly unitsPerOne: number
  /** Its price (Stripe). */
  readonly cents: bigint
  /** The start of its usage period. */
  readonly periodStart: Date
  /** The time of the usage; must be in the past. */
  readonly at: Date
}

/** The result of a batch. An amount without an answer is in no list. If no amount has one, `sendUsage` throws. */
export interface UsageReceipt {
  /** Idempotency keys that the provider has now, from this call or an earlier one. */
  readonly taken: readonly string[]
  /** The provider's ids of invoices, by idempotency key, for amounts that got an invoice of their own. */
  readonly invoices?: ReadonlyMap<string, string>
  /** Amounts that it will never accept. */
  readonly refused: readonly AmountRefusal[]
  /** Amounts that it refused this time, and may accept later. */
  readonly postponed: readonly AmountRefusal[]
  /** Amounts that it already has with other figures: a person decides. */
  readonly contradicted: readonly AmountRefusal[]
}

/** `open`: not collected yet. `unpaid`: a payment failed, or the provider gave up. */
export type InvoiceState = 'open' | 'unpaid' | 'paid' | 'void'

export interface AmountRefusal {
  readonly idempotencyKey: string
  readonly reason: string
}

export interface PaymentMethod {
  /** For example `visa`. */
  readonly brand: string
  readonly last4: string
  readonly expiresMonth: number
  readonly expiresYear: number
}

export interface SubscriptionPayment {
  readonly subscriptionId: string
  readonly reason: string
  /** The start of the period that it paid for. It may have been paid in a later one. */
  readonly periodStart: Date | undefined
}

export interface BillingProvider {
  readonly name: ProviderName
  createCheckout(input: CheckoutInput): Promise<{ readonly id: string; readonly url: string }>
  /** A checkout of credits, paid once. Absent if the deployment has no product for them (Polar). */
  createTopUp?(input: TopUpInput): Promise<{ readonly id: string; readonly url: string }>
  /** One page of the payments of credits whose checkout began since then. Pass `next` to get the following page. */
  listCreditPayments(since: Date, cursor?: string): Promise<PaymentPage>
  /**
   * A page of the provider, valid for some minutes, where the customer changes the card, reads invoices and cancels.
   */
  createPortal(input: { readonly customerId: string; readonly returnUrl: string }): Promise<{ readonly url: string }>
  getSubscription(id: string): Promise<ProviderSubscription | undefined>
  /** One page of all subscriptions, including ended ones. Pass `next` to get the following page. */
  listSubscriptions(cursor?: string): Promise<SubscriptionPage>
  /**
   * The organization's subscriptions, including ended ones, newest first. Without `customerId`, Stripe's search is a
   * minute behind.
   */
  findSubscriptions(of: {
    readonly organizationId: string
    readonly customerId?: string | undefined
  }): Promise<readonly ProviderSubscription[]>
  changePlan(change: PlanSwitch): Promise<ProviderSubscription>
  cancelAtPeriodEnd(subscriptionId: string): Promise<ProviderSubscription>
  /** Revokes a cancellation or a pause that is planned for the period's end, and ends a current pause. */
  resume(subscriptionId: string): Promise<ProviderSubscription>
  sendUsage(amounts: readonly UsageAmount[]): Promise<UsageReceipt>
  /** The longest that `sendUsage` takes, in milliseconds. */
  readonly sendUsageMs: number
  /** The state of an invoice that contains only overage. Absent if the provider makes no such invoices. */
  getInvoiceState?(invoiceId: string): Promise<InvoiceState>
  /** Absent if the provider shows it only in its own portal. */
  getPaymentMethod?(subscriptionId: string): Promise<PaymentMethod | undefined>
  /** What a payment was for, for refund events that name only the payment; undefined if it was for no subscription. */
  subscriptionOfPayment?(paymentId: string): Promise<SubscriptionPayment | undefined>
}
