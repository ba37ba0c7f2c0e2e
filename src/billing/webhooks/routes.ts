import { newRouter } from '../../api/api-route.ts'
import { lazily } from '../../lib/lazily.ts'
import { PROVIDERS } from '../providers/provider.ts'

const loadReceive = lazily(() => import('./receive.ts'))

/**
 * Receives the webhooks of payment providers (docs/operate/billing.md). Not part of the published API. The signature is
 * the only credential, and it covers the raw bytes, so that nothing may read the body before. The code is loaded with
 * the first delivery.
 */
export const billingWebhookRoutes = newRouter()

for (const provider of PROVIDERS)
  billingWebhookRoutes.post(`/webhooks/${provider}`, async (c) => {
    const { receiveWebhook } = await loadReceive()
    return c.json(await receiveWebhook(c.var.deps, provider, c.req.raw), 200)
  })
