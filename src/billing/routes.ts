import { apiRoute, newRouter } from '../api/api-route.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { cancelSubscription, changeSubscription, previewChange, resumeSubscription } from './change.ts'
import { startCheckout } from './checkout.ts'
import { billingInfo, toSubscription } from './info.ts'
import { ledgerReport } from './overage/ledger.ts'
import { openPortal } from './portal.ts'
import * as schemas from './schemas.ts'
import { NewSpendCap, SpendCap, SpendCapQuery } from './spend-cap/schemas.ts'
import { readSpendCap, setSpendCap } from './spend-cap/set.ts'
import { startTopUp } from './top-up.ts'

const tag = 'Billing'

/** The problems of every route that calls a provider. */
const OF_PROVIDERS = [
  'organization_not_found',
  'rate_limited',
  'billing_not_offered',
  'billing_rejected',
  'billing_unavailable',
] as const

/** The problems of every route that accepts a choice to buy. */
const OF_CHOICES = ['plan_not_purchasable', 'currency_fixed', 'seats_in_use', 'provider_unsupported'] as const

const infoRoute = apiRoute({
  allow: 'billing:read',
  method: 'get',
  path: '/auth/billing/info',
  tag,
  operationId: 'getBillingInfo',
  summary: 'Get plan, subscription, usage and cost',
  description: 'Everything that a billing page shows, in one response.',
  query: schemas.InfoQuery,
  returns: { 200: schemas.BillingInfo },
  fails: ['organization_not_found', 'rate_limited'],
})

const common = { allow: 'billing:write', method: 'post', tag, credentials: true, creates: true } as const

const checkoutRoute = apiRoute({
  ...common,
  path: '/billing/checkout',
  operationId: 'createCheckout',
  summary: 'Buy a plan',
  description:
    "Returns the URL of the payment provider's page. Nothing is bought until the customer pays there; then the plan takes effect within seconds. To change an existing subscription, use `POST /billing/change`.",
  body: schemas.NewCheckout,
  returns: { 201: schemas.Checkout },
  fails: [...OF_PROVIDERS, ...OF_CHOICES, 'already_subscribed', 'platform_organization', 'payer_unknown'],
})

const topUpRoute = apiRoute({
  ...common,
  path: '/billing/top-up',
  operationId: 'createTopUp',
  summary: 'Buy prepaid credits',
  description:
    "Returns the URL of the payment provider's page. The credits are granted within seconds of the payment there, and never expire.",
  body: schemas.NewTopUp,
  returns: { 201: schemas.TopUp },
  fails: [...OF_PROVIDERS, 'platform_organization', 'payer_unknown'],
})

const spendCap = { tag, path: '/billing/spend-cap', fails: ['organization_not_found'] } as const

const readCapRoute = apiRoute({
  ...spendCap,
  allow: 'billing:read',
  method: 'get',
  operationId: 'getSpendCap',
  summary: 'Get the spend cap',
  query: SpendCapQuery,
  returns: { 200: SpendCap },
})

const setCapRoute = apiRoute({
  ...spendCap,
  allow: 'billing:write',
  method: 'put',
  operationId: 'setSpendCap',
  summary: 'Set the spend cap',
  description:
    "The organization's own cap on the cost of a usage period, in addition to the limits of its plan. Takes effect everywhere within two seconds. Owners and admins are notified once per period when it is reached.",
  body: NewSpendCap,
  credentials: true,
  returns: { 200: SpendCap },
})

const portalRoute = apiRoute({
  ...common,
  path: '/billing/portal',
  operationId: 'createPortalSession',
  summary: "Open the payment provider's page",
  description: 'For the payment method and invoices. The URL works for a few minutes.',
  body: schemas.NewPortal,
  returns: { 201: schemas.Portal },
  fails: [...OF_PROVIDERS, 'no_subscription'],
})

const changeRoute = apiRoute({
  ...common,
  path: '/billing/change',
  operationId: 'changeSubscription',
  summary: 'Change the plan, interval, seats or add-ons',
  description:
    'Absent fields stay unchanged. A change to an interval that is at least as long, at a price that is at least as high, starts at once, and the rest of the period is charged. Any other change starts with the next period (`pending`). Requesting the current state revokes a pending change.',
  body: schemas.PlanChoice,
  returns: { 200: schemas.BillingSubscription },
  fails: [
    ...OF_PROVIDERS,
    'no_subscription',
    'subscription_ending',
    'subscription_paused',
    'payment_open',
    ...OF_CHOICES,
    'payment_failed',
    'subscription_locked',
  ],
})

const previewRoute = apiRoute({
  ...common,
  creates: false,
  path: '/billing/preview',
  operationId: 'previewChange',
  summary: 'Preview a change of the subscription',
  description:
    'Returns when a `POST /billing/change` with the same body would take effect, and what it would cost at once. Changes nothing. If the price of the current plan is negotiated or no longer there, the provider is asked what the subscription costs.',
  body: schemas.PlanChoice,
  returns: { 200: schemas.ChangePreview },
  fails: [
    ...OF_PROVIDERS,
    ...OF_CHOICES,
    'no_subscription',
    'subscription_ending',
    'subscription_paused',
    'payment_open',
  ],
})

const cancelRoute = apiRoute({
  ...common,
  path: '/billing/cancel',
  operationId: 'cancelSubscription',
  summary: 'Cancel the subscription',
  description: 'It stays active until the end of the paid period.',
  body: schemas.OnlyOrganization,
  returns: { 200: schemas.BillingSubscription },
  fails: [...OF_PROVIDERS, 'no_subscription', 'subscription_locked'],
})

const resumeRoute = apiRoute({
  ...common,
  path: '/billing/resume',
  operationId: 'resumeSubscription',
  summary: 'Revoke a cancellation or a planned pause, or end a pause',
  description: 'Works until the period ends. While a payment is open, it must be paid first (`payment_open`).',
  body: schemas.OnlyOrganization,
  returns: { 200: schemas.BillingSubscription },
  fails: [...OF_PROVIDERS, 'no_subscription', 'payment_open', 'subscription_locked'],
})

const ledgerRoute = apiRoute({
  allow: 'administrator',
  method: 'get',
  path: '/admin/billing/ledger',
  tag: 'Administration',
  operationId: 'listLedger',
  service: 'platform:billing:read',
  summary: 'Get the overage ledger',
  description:
    "For each meter and period, latest first: the overage according to the sums of usage, the ledger's rows, and the difference, which is at most the usage of the last hour.",
  query: schemas.LedgerQuery,
  returns: { 200: schemas.Ledger },
  fails: ['organization_unnamed'],
})

export const billingRoutes = newRouter()
  .openapi(infoRoute, async (c) => {
    await enforceRateLimits(c.var.deps, { billing_read: { account: c.var.organizationId } })
    return c.json(await billingInfo(c.var.deps, c.var.organizationId), 200)
  })
  .openapi(checkoutRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(await startCheckout(deps, { manager, organizationId, input: c.req.valid('json') }), 201)
  })
  .openapi(topUpRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(await startTopUp(deps, { manager, organizationId, input: c.req.valid('json') }), 201)
  })
  .openapi(readCapRoute, async (c) => c.json(await readSpendCap(c.var.deps, c.var.organizationId), 200))
  .openapi(setCapRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(await setSpendCap(deps, { manager, organizationId, input: c.req.valid('json') }), 200)
  })
  .openapi(portalRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(await openPortal(deps, { manager, organizationId, input: c.req.valid('json') }), 201)
  })
  .openapi(changeRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    const choice = c.req.valid('json')
    return c.json(toSubscription(await changeSubscription(deps, { manager, organizationId, choice })), 200)
  })
  .openapi(previewRoute, async (c) =>
    c.json(await previewChange(c.var.deps, c.var.organizationId, c.req.valid('json')), 200),
  )
  .openapi(cancelRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(toSubscription(await cancelSubscription(deps, { manager, organizationId })), 200)
  })
  .openapi(resumeRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(toSubscription(await resumeSubscription(deps, { manager, organizationId })), 200)
  })
  .openapi(ledgerRoute, async (c) => c.json(await ledgerReport(c.var.deps, requireOne(c.var.organizationId)), 200))

/** @throws Problem `organization_unnamed` */
function requireOne(organizationId: string | undefined): string {
  if (organizationId === undefined) throw new Problem('organization_unnamed')
  return organizationId
}
