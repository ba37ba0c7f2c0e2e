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
  description: `Statistics, quotas, credits and overage follow in the event's own hour and period. The event stays in the log, with what it was
before. What is not given stays as it was reported; tokens of the input are replaced together, and those of the output. Tokens
or a model without \`cost_usd\` are priced again. Of another key or subject the limits follow as well. The time of an event cannot be
corrected: void the event, and report it again under another id. Another correction replaces the earlier one; the latest one again changes nothing.`,
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
