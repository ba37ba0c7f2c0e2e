import { apiRoute, newRouter } from '../api/api-route.ts'
import { Problem } from '../problems.ts'
import { cancelSubscription, changeSubscription, resumeSubscription } from './change.ts'
import { startCheckout } from './checkout.ts'
import { billingInfo, toSubscription } from './info.ts'
import { ledgerReport } from './overage/ledger.ts'
import { openPortal } from './portal.ts'
import * as schemas from './schemas.ts'

const tag = 'Billing'

/** The problems of every route that calls a provider. */
const OF_PROVIDERS = [
  'organization_not_found',
  'rate_limited',
  'billing_not_offered',
  'billing_rejected',
  'billing_unavailable',
] as const

const infoRoute = apiRoute({
  allow: 'billing:read',
  method: 'get',
  path: '/auth/billing/info',
  tag,
  operationId: 'getBillingInfo',
  summary: 'Plan, subscription, usage and cost',
  description: 'Everything that a billing page shows, in one answer.',
  query: schemas.InfoQuery,
  returns: { 200: schemas.BillingInfo },
  fails: ['organization_not_found'],
})

const common = { allow: 'billing:write', method: 'post', tag, credentials: true, creates: true } as const

const checkoutRoute = apiRoute({
  ...common,
  path: '/billing/checkout',
  operationId: 'createCheckout',
  summary: 'Buy a plan',
  description:
    "Returns the URL of the payment provider's page. Nothing is bought until the customer pays there; then the plan is in force within seconds. An existing subscription is changed instead.",
  body: schemas.NewCheckout,
  returns: { 201: schemas.Checkout },
  fails: [...OF_PROVIDERS, 'plan_not_purchasable', 'already_subscribed', 'platform_organization', 'payer_unknown'],
})

const portalRoute = apiRoute({
  ...common,
  path: '/billing/portal',
  operationId: 'createPortalSession',
  summary: "Open the payment provider's own page",
  description: 'For payment method and invoices. The URL works for some minutes.',
  body: schemas.NewPortal,
  returns: { 201: schemas.Portal },
  fails: [...OF_PROVIDERS, 'no_subscription'],
})

const changeRoute = apiRoute({
  ...common,
  path: '/billing/change',
  operationId: 'changeSubscription',
  summary: 'Change to another plan',
  description:
    'A plan that costs as much or more starts at once, and the rest of the period is charged. A plan that costs less starts with the next period (`pending_plan`). Requesting the current plan revokes a pending change.',
  body: schemas.PlanChoice,
  returns: { 200: schemas.BillingSubscription },
  fails: [
    ...OF_PROVIDERS,
    'no_subscription',
    'subscription_ending',
    'subscription_paused',
    'payment_open',
    'plan_not_purchasable',
    'payment_failed',
    'subscription_locked',
  ],
})

const cancelRoute = apiRoute({
  ...common,
  path: '/billing/cancel',
  operationId: 'cancelSubscription',
  summary: 'Cancel the subscription',
  description: 'It stays in force until the end of the paid period.',
  body: schemas.OnlyOrganization,
  returns: { 200: schemas.BillingSubscription },
  fails: [...OF_PROVIDERS, 'no_subscription', 'subscription_locked'],
})

const resumeRoute = apiRoute({
  ...common,
  path: '/billing/resume',
  operationId: 'resumeSubscription',
  summary: 'Revoke a cancellation, or end a pause',
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
    "For each meter and period, latest first: the overage by the sums of usage, the ledger's rows, and the difference, which is at most the usage of the last hour.",
  query: schemas.LedgerQuery,
  returns: { 200: schemas.Ledger },
  fails: ['organization_unnamed'],
})

export const billingRoutes = newRouter()
  .openapi(infoRoute, async (c) => c.json(await billingInfo(c.var.deps, c.var.organizationId), 200))
  .openapi(checkoutRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(await startCheckout(deps, { manager, organizationId, input: c.req.valid('json') }), 201)
  })
  .openapi(portalRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(await openPortal(deps, { manager, organizationId, input: c.req.valid('json') }), 201)
  })
  .openapi(changeRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    const { plan } = c.req.valid('json')
    return c.json(toSubscription(await changeSubscription(deps, { manager, organizationId, plan })), 200)
  })
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
