import { apiRoute, newRouter } from '../../api/api-route.ts'
import { correctUsage } from './correct.ts'
import { CorrectedEvent, CorrectionBody } from './schemas.ts'

const correctRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:usage',
  method: 'post',
  path: '/usage/corrections',
  tag: 'Usage',
  operationId: 'correctUsage',
  summary: 'Void or replace a usage event',
  description: `Updates statistics, quotas, credits and overage in the event's own hour and period. The event stays in the log, with its original
values. Absent fields stay as reported; input tokens are replaced together, and so are output tokens. Tokens or a model without \`cost_usd\`
are priced again. With another key or subject, usage moves to the limits of the new one. The time of an event cannot be corrected: void the
event, and report it again with another id. Another correction replaces the earlier one; repeating the latest one changes nothing.`,
  body: CorrectionBody,
  returns: { 200: CorrectedEvent },
  fails: [
    'event_not_found',
    'event_not_correctable',
    'key_not_found',
    'organization_not_found',
    'organization_unnamed',
    'organization_mismatch',
  ],
})

export const correctionRoutes = newRouter().openapi(correctRoute, async (c) =>
  c.json(await correctUsage(c.var.deps, c.var.operator, c.req.valid('json')), 200),
)
