/**
 * What billing asks of a payment provider. polar.ts and stripe.ts answer it; nothing else knows how either of them speaks.
 *
 * Every function fails with a Problem: `payment_failed` (402: the card was refused), `subscription_locked` (409: the
 * provider is at work on it, retry), `billing_refused` (422: the provider does not take this; `detail` holds its words),
 * `billing_unavailable` (503: no answer within 10 s, rate limited, or a failure of the provider's).
 */

export type ProviderName = 'polar' | 'stripe'

export const PROVIDERS: readonly ProviderName[] = ['polar', 'stripe']

export type SubscriptionStatus = 'incomplete' | 'trialing' | 'active' | 'past_due' | 'paused' | 'canceled' | 'unpaid'

/** One line of a subscription. Lines may have periods of their own: a yearly add-on beside a monthly plan. */
interface BoughtItem {
  /** Polar's product id, Stripe's price id. A plan has it in `polarProductId` or `stripePriceId`. */
  readonly product: string
  readonly periodStart: Date | undefined
  readonly periodEnd: Date | undefined
}

/** What is charged next for what is subscribed to, before taxes, discounts and what was used. */
export interface NextCharge {
  readonly at: Date
  /** In the smallest unit of the currency: cents, or whole yen. */
  readonly amount: number
  /** ISO 4217, in small letters. */
  readonly currency: string
}

/** A subscription as its provider has it now, in words that both share. */
export interface ProviderSubscription {
  readonly provider: ProviderName
  readonly id: string
  readonly customerId: string
  /** From metadata `org_id` of it or its customer, or the customer's external id (Polar); absent where somebody made it by hand. */
  readonly organizationId: string | undefined
  readonly status: SubscriptionStatus
  /** What was bought, in no order that means anything: one of them may be a plan, others are add-ons and metered prices. */
  readonly items: readonly BoughtItem[]
  /** Products or prices that are bought from the next period on, where a change was agreed upon; else none. */
  readonly pendingProducts: readonly string[]
  /** It ends with its period unless that is taken back. */
  readonly cancelAtPeriodEnd: boolean
  /** It is paused when its period ends unless that is taken back; absent where the provider has no such plan. */
  readonly pauseAtPeriodEnd?: boolean | undefined
  /** A date at which it ends, where the provider has one instead of the flag. */
  readonly cancelAt?: Date | undefined
  /** Of what is bought now, whether or not another plan follows; absent where it does not follow from what is known. */
  readonly nextCharge?: NextCharge | undefined
  readonly trialEnd: Date | undefined
  /** Since when payment has failed, where the provider says so. */
  readonly pastDueSince: Date | undefined
  /** When it was over; absent while it lives. */
  readonly endedAt: Date | undefined
  /** The provider's time of this state, where it tells one. */
  readonly updatedAt: Date | undefined
}

interface SubscriptionPage {
  readonly subscriptions: readonly ProviderSubscription[]
  /** Ids of those that do not have the shape we know: the others are none the worse for it. */
  readonly unreadable: readonly string[]
  readonly next: string | undefined
}

export interface CheckoutInput {
  readonly organizationId: string
  /** The product or price id of the plan, at this provider. */
  readonly product: string
  /** Price ids of metered prices that are billed along (Stripe); at Polar they belong to the product. */
  readonly meteredProducts?: readonly string[]
  readonly email: string
  readonly name?: string
  /** Where the customer comes back to; the provider's checkout id is added as `checkout_id`. */
  readonly successUrl: string
  readonly cancelUrl: string
  /** The same for a repeated request: the provider answers the second with the first's session (Stripe). */
  readonly idempotencyKey: string
  /** The customer at this provider, where there is one already. */
  readonly customerId?: string | undefined
}

export interface PlanSwitch {
  readonly subscriptionId: string
  /** The product or price id to change to. */
  readonly product: string
  /** Metered prices that are billed along with it (Stripe); at Polar they belong to the product. */
  readonly meteredProducts?: readonly string[]
  /** All that plans are bought as, metered prices among it: these are replaced, and what else a subscription has stays (Stripe). */
  readonly ofPlans?: readonly string[]
  /** `now`: charged or credited for the rest of the period; `period_end`: from the next period on, nothing charged now. */
  readonly when: 'now' | 'period_end'
  readonly idempotencyKey: string
}

/** An amount of a meter, used by one organization. Polar prices it; Stripe charges the cents that were computed here. */
export interface UsageAmount {
  /** The provider counts one key once, for ever (Polar) or for a day and more (Stripe). */
  readonly idempotencyKey: string
  /** Above 0 an earlier try may have arrived so long ago that Stripe has forgotten its key: it is asked first. */
  readonly generation: number
  readonly organizationId: string
  readonly customerId: string
  /** Whose renewal charges it (Stripe); undefined for an invoice of its own. */
  readonly subscriptionId: string | undefined
  /** What the provider calls the meter: its event name at Polar, its name on invoices at Stripe. */
  readonly meter: string
  /** Whole units, at least 0. */
  readonly value: number
  /** How many units are one of what people read: a millionth of a dollar is a unit of `cost_usd`. */
  readonly unitsPerOne: number
  /** What it costs (Stripe). */
  readonly cents: bigint
  /** Of the usage period that it belongs to. */
  readonly periodStart: Date
  /** When it was used; must be in the past. */
  readonly at: Date
}

/** What became of a batch; an amount is in one of the two. Where nothing of a batch was taken `sendUsage` throws. */
export interface UsageReceipt {
  /** Idempotency keys of what the provider has now, whether from this call or an earlier one. */
  readonly taken: readonly string[]
  /** What it will never take, and why; one that may succeed later is in neither list. */
  readonly refused: readonly { readonly idempotencyKey: string; readonly reason: string }[]
}

export interface PaymentMethod {
  /** Such as `visa`. */
  readonly brand: string
  readonly last4: string
  readonly expiresMonth: number
  readonly expiresYear: number
}

export interface BillingProvider {
  readonly name: ProviderName
  createCheckout(input: CheckoutInput): Promise<{ readonly id: string; readonly url: string }>
  /** A page of the provider's, good for some minutes, where the customer changes card, reads invoices and cancels. */
  createPortal(input: { readonly customerId: string; readonly returnUrl: string }): Promise<{ readonly url: string }>
  getSubscription(id: string): Promise<ProviderSubscription | undefined>
  /** One page of all subscriptions, also of those that are over; pass `next` to get the one after it. */
  listSubscriptions(cursor?: string): Promise<SubscriptionPage>
  /** The organization's subscriptions, also those that are over, the newest first. Stripe's search is a minute behind without `customerId`. */
  findSubscriptions(of: {
    readonly organizationId: string
    readonly customerId?: string | undefined
  }): Promise<readonly ProviderSubscription[]>
  changePlan(change: PlanSwitch): Promise<ProviderSubscription>
  cancelAtPeriodEnd(subscriptionId: string): Promise<ProviderSubscription>
  /** Takes a cancellation at the period's end back, and ends a pause. */
  resume(subscriptionId: string): Promise<ProviderSubscription>
  sendUsage(amounts: readonly UsageAmount[]): Promise<UsageReceipt>
  /** Absent where the provider tells it to its own portal alone. */
  getPaymentMethod?(subscriptionId: string): Promise<PaymentMethod | undefined>
  /** What a payment was for, where news of a refund names the payment alone; undefined for no subscription. */
  subscriptionOfPayment?(
    paymentId: string,
  ): Promise<{ readonly subscriptionId: string; readonly reason: string } | undefined>
}
