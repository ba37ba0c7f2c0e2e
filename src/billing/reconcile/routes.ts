import * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { lazily } from '../../lib/lazily.ts'
import { PROVIDERS } from '../providers/provider.ts'
import type { Drift } from './drift.ts'

const loadDrift = lazily(() => import('./drift.ts'))

const DriftReport = z
  .object({
    compared: z.int().meta({ description: 'Subscriptions that the providers listed.' }),
    is_whole: z.boolean().meta({
      description:
        'False if a provider lists more subscriptions than one request can compare: 20,000. The hourly run compares all, part by part.',
    }),
    data: z.array(
      z.object({
        provider: z.enum(PROVIDERS),
        kind: z
          .enum([
            'missing_here',
            'differs',
            'plan',
            'second',
            'missing_there',
            'overage_unpaid',
            'unreadable',
            'unknown_organization',
            'unknown_product',
          ])
          .meta({ description: 'See docs/operate/billing.md.' }),
        subscription_id: z
          .string()
          .meta({ description: "The provider's id. For `overage_unpaid`, that of the invoice." }),
        organization_id: z.uuid().nullable(),
        fields: z.array(z.string()).meta({ description: 'The fields that differ here.' }),
        here: z.object({ status: z.string(), plan: z.string() }).nullable(),
        there: z.object({ status: z.string(), product: z.string() }).nullable(),
        is_repairable: z
          .boolean()
          .meta({ description: 'Whether the next hourly run repairs it. If not, a person must.' }),
      }),
    ),
  })
  .meta({ id: 'BillingDrift' })

const driftRoute = apiRoute({
  allow: 'administrator',
  method: 'get',
  path: '/admin/billing/drift',
  tag: 'Administration',
  operationId: 'listBillingDrift',
  service: 'platform:billing:read',
  summary: 'Compare with the payment providers',
  description: 'Reads all subscriptions of each configured provider, and lists the differences. Repairs nothing.',
  returns: { 200: DriftReport },
  fails: ['billing_unavailable'],
})

export const reconcileRoutes = newRouter().openapi(driftRoute, async (c) => {
  const { findAllDrift } = await loadDrift() // loads both providers
  const { compared, isWhole, drifts } = await findAllDrift(c.var.deps)
  return c.json({ compared, is_whole: isWhole, data: drifts.map(toDrift) }, 200)
})

function toDrift(drift: Drift): z.output<typeof DriftReport>['data'][number] {
  return {
    provider: drift.provider,
    kind: drift.kind,
    subscription_id: drift.subscriptionId,
    organization_id: drift.organizationId ?? null,
    fields: drift.fields.map((name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
    here: drift.here ?? null,
    there: drift.there ?? null,
    is_repairable: drift.isRepairable,
  }
}
