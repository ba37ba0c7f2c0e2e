import { newRouter } from '../../api/api-route.ts'
import { PROVIDERS } from '../providers/provider.ts'

/**
 * Where payment providers report (docs/operate/billing.md). No part of the published API: the signature is the only credential, and
 * what is signed are the bytes, so that nothing reads the body before. The code behind is evaluated with the first delivery.
 */
export const billingWebhookRoutes = newRouter()

for (const provider of PROVIDERS)
  billingWebhookRoutes.post(`/webhooks/${provider}`, async (c) => {
    const { receiveWebhook } = await import('./receive.ts')
    return c.json(await receiveWebhook(c.var.deps, provider, c.req.raw), 200)
  })
