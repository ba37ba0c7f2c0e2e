/**
 * Everything except key verification: the features' routes, their OpenAPI document and its page. Imported on first use.
 */
import type { Context, Next } from 'hono'
import { createMiddleware } from 'hono/factory'
import { browserRoutes } from './accounts/browser/routes.ts'
import { emailRoutes } from './accounts/email/routes.ts'
import { CALLBACK_PATH } from './accounts/identities/authorize.ts'
import { handleCallback } from './accounts/identities/callback.ts'
import { identityRoutes } from './accounts/identities/routes.ts'
import { accountPages } from './accounts/pages/pages.tsx'
import { passkeyRoutes } from './accounts/passkeys/routes.ts'
import { accountRoutes } from './accounts/routes.ts'
import { sessionRoutes } from './accounts/sessions/routes.ts'
import { tokenRoutes } from './accounts/tokens/routes.ts'
import { twoFactorRoutes } from './accounts/two-factor/routes.ts'
import { adminBillingEventRoutes } from './admin/billing-events/routes.ts'
import { adminCreditRoutes } from './admin/credits/routes.ts'
import { adminDeliveryRoutes } from './admin/deliveries/routes.ts'
import { adminGatewayRoutes } from './admin/gateway/routes.ts'
import { adminKeyRoutes } from './admin/keys/routes.ts'
import { adminLedgerRoutes } from './admin/ledger/routes.ts'
import { adminMailRoutes } from './admin/mails/routes.ts'
import { adminMeterRoutes } from './admin/meters/routes.ts'
import { adminOrganizationRoutes } from './admin/organizations/routes.ts'
import { adminSignInRoutes } from './admin/organizations/sign-in/routes.ts'
import { adminOverviewRoutes } from './admin/overview/routes.ts'
import { adminPlanRoutes } from './admin/plans/routes.ts'
import { adminPriceRoutes } from './admin/prices/routes.ts'
import { adminRequestRoutes } from './admin/requests/routes.ts'
import { adminReservationRoutes } from './admin/reservations/routes.ts'
import { adminRoutes } from './admin/routes.ts'
import { serviceKeyRoutes } from './admin/service-keys/routes.ts'
import { adminSubscriptionRoutes } from './admin/subscriptions/routes.ts'
import { adminSystemRoutes } from './admin/system/routes.ts'
import { adminUsageRoutes } from './admin/usage/routes.ts'
import { adminUserRoutes } from './admin/users/routes.ts'
import { newRouter } from './api/api-route.ts'
import { apiAsMarkdown } from './api/docs/as-markdown.ts'
import { docsFile } from './api/docs-files.ts'
import { docsPage } from './api/docs-page.tsx'
import { allowedMethods, openApiDocument } from './api/openapi.ts'
import { auditRoutes } from './audit/routes.ts'
import type { ManagementEnv } from './auth/env.ts'
import { publicKeys } from './auth/key-ring.ts'
import { readOrigin, takeNamedAddress } from './auth/origin.ts'
import { creditRoutes } from './billing/credits/routes.ts'
import { planRoutes } from './billing/plans/routes.ts'
import { reconcileRoutes } from './billing/reconcile/routes.ts'
import { billingRoutes } from './billing/routes.ts'
import { billingWebhookRoutes } from './billing/webhooks/routes.ts'
import { dashboardPage } from './dashboard/page.ts'
import { ormOver } from './db/orm.ts'
import { MCP_PATH } from './http/challenge.ts'
import { answerError } from './http/edge.ts'
import { leakedRoutes } from './keys/leaks/routes.ts'
import { keyLifeRoutes } from './keys/lifecycle-routes.ts'
import { keyRoutes } from './keys/routes.ts'
import { verifyDocs } from './keys/verify-docs.ts'
import { lazily } from './lib/lazily.ts'
import { flushWhenDue } from './metrics/flush.ts'
import { oauth, oauthMetadata, toDevicePage } from './oauth/endpoints.ts'
import { oauthApiRoutes } from './oauth/routes.ts'
import { directoryRoutes } from './organizations/directory/routes.ts'
import { domainRoutes } from './organizations/domains/routes.ts'
import { invitationRoutes } from './organizations/invitations/routes.ts'
import { memberRoutes } from './organizations/members/routes.ts'
import { roleRoutes } from './organizations/roles/routes.ts'
import { organizationRoutes } from './organizations/routes.ts'
import { scim } from './organizations/scim/routes.ts'
import { ssoRoutes } from './organizations/sso/routes.ts'
import { portalBrowserRoutes } from './portal/browser.ts'
import { portalRoutes } from './portal/routes.ts'
import { privacyRoutes } from './privacy/routes.ts'
import { Problem } from './problems.ts'
import { alertRoutes } from './usage/alerts/routes.ts'
import { analyticsRoutes } from './usage/analytics/routes.ts'
import { correctionRoutes } from './usage/corrections/routes.ts'
import { priceRoutes } from './usage/pricing/routes.ts'
import { usageIngestRoutes } from './usage/reporting/routes.ts'
import { reserveRoutes } from './usage/reservations/routes.ts'
import { usageRoutes } from './usage/routes.ts'
import { subjectRoutes } from './usage/subjects/routes.ts'
import { operatorWebhookRoutes } from './webhooks/operator-routes.ts'
import { webhookRoutes } from './webhooks/routes.ts'

const loadMcp = lazily(() => import('./mcp/handle.ts'))
const loadMetrics = lazily(() => import('./admin/metrics/page.ts'))

/** The edge has already created Deps. Here they get drizzle, and the request's total waiting time is bounded. */
const withDeps = createMiddleware<ManagementEnv>(async function withDeps(c, next) {
  const { deps, requestId } = c.env
  c.set('deps', { ...deps, db: ormOver(deps.sql), origin: readOrigin(c) })
  c.set('requestId', requestId)
  try {
    await deps.budget.race(nameAddressThen(c, next))
  } finally {
    deps.budget.lift()
    flushWhenDue(deps)
  }
})

async function nameAddressThen(c: Context<ManagementEnv>, next: Next): Promise<void> {
  await takeNamedAddress(c)
  await next()
}

export const management = newRouter()

management.onError((error, c) => answerError(error, c))
management.use(withDeps)

for (const routes of [
  accountRoutes,
  sessionRoutes,
  browserRoutes,
  tokenRoutes,
  twoFactorRoutes,
  identityRoutes,
  passkeyRoutes,
  emailRoutes,
  privacyRoutes,
  organizationRoutes,
  memberRoutes,
  roleRoutes,
  domainRoutes,
  ssoRoutes,
  directoryRoutes,
  invitationRoutes,
  oauthApiRoutes,
  keyRoutes,
  keyLifeRoutes,
  leakedRoutes,
  verifyDocs,
  usageRoutes,
  analyticsRoutes,
  usageIngestRoutes,
  reserveRoutes,
  correctionRoutes,
  priceRoutes,
  subjectRoutes,
  alertRoutes,
  webhookRoutes,
  operatorWebhookRoutes,
  portalRoutes,
  portalBrowserRoutes,
  auditRoutes,
  adminRoutes,
  serviceKeyRoutes,
  adminUserRoutes,
  adminOrganizationRoutes,
  adminSignInRoutes,
  adminCreditRoutes,
  adminReservationRoutes,
  adminPlanRoutes,
  adminMeterRoutes,
  adminGatewayRoutes,
  adminPriceRoutes,
  adminKeyRoutes,
  adminSubscriptionRoutes,
  adminBillingEventRoutes,
  adminLedgerRoutes,
  adminMailRoutes,
  adminDeliveryRoutes,
  adminOverviewRoutes,
  adminUsageRoutes,
  adminSystemRoutes,
  adminRequestRoutes,
  planRoutes,
  billingRoutes,
  creditRoutes,
  reconcileRoutes,
  billingWebhookRoutes,
])
  management.route('/api/v1', routes)

management.get(CALLBACK_PATH, handleCallback)
management.route('/scim/v2', scim)
management.route('/oauth', oauth)
management.get('/device', toDevicePage)
management.route('/.well-known', oauthMetadata)
management.post(MCP_PATH, async (c) => (await loadMcp()).handleMcp(c, management)) // with it comes the SDK
management.route('/account', accountPages)
management.route('/dashboard', dashboardPage)
management.get('/', (c) => c.redirect(c.env.assets ? '/dashboard' : '/docs'))
management.get('/.well-known/jwks.json', (c) => {
  // how long a verifier may not know a new key: see docs/operate/keys.md
  c.header('Cache-Control', 'public, max-age=300')
  return c.json(publicKeys(c.env.deps.config))
})
management.get('/metrics', async (c) => (await loadMetrics()).metricsPage(c)) // with it come all jobs
management.get('/openapi.json', (c) => c.json(openApiDocument(management, c.env.deps.config)))
management.get('/docs', (c) => docsPage(c, openApiDocument(management, c.env.deps.config)))
management.get('/docs.md', (c) =>
  c.body(apiAsMarkdown(openApiDocument(management, c.env.deps.config)), 200, {
    'Content-Type': 'text/markdown; charset=utf-8',
  }),
)
management.get('/docs/*', docsFile)
management.get('/llms.txt', docsFile)

/** Paths without a route: a wrong method if the path is known, else not found. */
management.notFound((c) => {
  const methods = allowedMethods(management, c.req.path)
  if (methods.length === 0) throw new Problem('not_found')
  throw new Problem('method_not_allowed', { headers: { Allow: methods.join(', ') } })
})
