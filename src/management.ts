/** Everything but key verification: the features' routes, their OpenAPI document and its page. Imported when first asked for. */
import { createMiddleware } from 'hono/factory'
import { emailRoutes } from './accounts/email-routes.ts'
import { publicKeys } from './accounts/key-ring.ts'
import { accountPages } from './accounts/pages/pages.tsx'
import { privacyRoutes } from './accounts/privacy-routes.ts'
import { accountRoutes } from './accounts/routes.ts'
import { sessionRoutes } from './accounts/session-routes.ts'
import { twoFactorRoutes } from './accounts/two-factor-routes.ts'
import { adminOrganizationRoutes } from './admin/organization-routes.ts'
import { adminPlanRoutes } from './admin/plan-routes.ts'
import { adminRoutes } from './admin/routes.ts'
import { adminUserRoutes } from './admin/user-routes.ts'
import { auditRoutes } from './audit/routes.ts'
import { planRoutes } from './billing/plan-routes.ts'
import { reconcileRoutes } from './billing/reconcile-routes.ts'
import { billingRoutes } from './billing/routes.ts'
import { billingWebhookRoutes } from './billing/webhook-routes.ts'
import { ormOver } from './db/orm.ts'
import { newRouter } from './http/api-route.ts'
import { docsPage } from './http/docs-page.tsx'
import type { ManagementEnv } from './http/management-env.ts'
import { answerError, clientIp } from './http/manners.ts'
import { allowedMethods, openApiDocument } from './http/openapi.ts'
import { leakedRoutes } from './keys/leaked-routes.ts'
import { keyLifeRoutes } from './keys/life-routes.ts'
import { keyRoutes } from './keys/routes.ts'
import { verifyDocs } from './keys/verify-docs.ts'
import { invitationRoutes } from './organizations/invitation-routes.ts'
import { memberRoutes } from './organizations/member-routes.ts'
import { organizationRoutes } from './organizations/routes.ts'
import { Problem } from './problems.ts'
import { alertRoutes } from './usage/alert-routes.ts'
import { analyticsRoutes } from './usage/analytics/routes.ts'
import { usageIngestRoutes } from './usage/ingest-routes.ts'
import { priceRoutes } from './usage/pricing/routes.ts'
import { reserveRoutes } from './usage/reserve-routes.ts'
import { usageRoutes } from './usage/routes.ts'
import { webhookRoutes } from './webhooks/routes.ts'

/** The edge has made Deps already; here they get drizzle, and all that a request waits for has its budget of time. */
const withDeps = createMiddleware<ManagementEnv>(async function withDeps(c, next) {
  const { deps, requestId } = c.env
  const origin = { requestId, ip: clientIp(c), userAgent: c.req.header('User-Agent')?.slice(0, 500) }
  c.set('deps', { ...deps, db: ormOver(deps.sql), origin })
  c.set('requestId', requestId)
  try {
    await deps.budget.race(next())
  } finally {
    deps.budget.lift()
  }
})

export const management = newRouter()

management.onError((error, c) => answerError(error, c))
management.use(withDeps)

for (const routes of [
  accountRoutes,
  sessionRoutes,
  twoFactorRoutes,
  emailRoutes,
  privacyRoutes,
  organizationRoutes,
  memberRoutes,
  invitationRoutes,
  keyRoutes,
  keyLifeRoutes,
  leakedRoutes,
  verifyDocs,
  usageRoutes,
  analyticsRoutes,
  usageIngestRoutes,
  reserveRoutes,
  priceRoutes,
  alertRoutes,
  webhookRoutes,
  auditRoutes,
  adminRoutes,
  adminUserRoutes,
  adminOrganizationRoutes,
  adminPlanRoutes,
  planRoutes,
  billingRoutes,
  reconcileRoutes,
  billingWebhookRoutes,
])
  management.route('/api/v1', routes)

management.route('/account', accountPages)
management.get('/', (c) => c.redirect('/docs'))
management.get('/.well-known/jwks.json', (c) => {
  c.header('Cache-Control', 'public, max-age=300') // how long a verifier may go without a new key: see docs/keys.md
  return c.json(publicKeys(c.env.deps.config))
})
management.get('/openapi.json', (c) => c.json(openApiDocument(management, c.env.deps.config)))
management.get('/docs', (c) => docsPage(c, openApiDocument(management, c.env.deps.config)))

/** What no route took: a wrong method where the path is known, else nothing. */
management.notFound((c) => {
  const methods = allowedMethods(management, c.req.path)
  if (methods.length === 0) throw new Problem('not_found')
  throw new Problem('method_not_allowed', { headers: { Allow: methods.join(', ') } })
})
