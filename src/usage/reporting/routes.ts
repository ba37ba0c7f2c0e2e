import * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import type { BodyForms } from '../../api/body.ts'
import { organizationRef } from '../../http/fields.ts'
import { mediaType } from '../../http/json-body.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { CLOUD_EVENT, CLOUD_EVENTS } from './cloud-events.ts'
import { ingestUsage } from './ingest.ts'
import { Durability, Recorded, ReportedEvent, Spooled, UsageBatch } from './schemas.ts'

/** A full batch of a thousand events with their usual fields is about 500 KB. */
const MAX_BYTES = 1024 * 1024

const FORMS: BodyForms = {
  maxBytes: MAX_BYTES,
  wrap: {
    [CLOUD_EVENT]: (text) => `{"events":[${text}]}`,
    [CLOUD_EVENTS]: (text) => `{"events":${text}}`,
  },
}

const recordRoute = apiRoute({
  allow: 'usage:write',
  ownersInBody: true,
  method: 'post',
  path: '/usage',
  tag: 'Usage',
  operationId: 'recordUsage',
  summary: 'Record usage',
  description: `Up to 1,000 events in up to 1 MB, as JSON or as CloudEvents 1.0 (\`${CLOUD_EVENT}\`, \`${CLOUD_EVENTS}\`). Each
event is validated on its own, so an invalid one does not affect others. Each \`id\` counts once, so you can resend a batch until you get a response.

A service key with the scope \`platform:usage\` reports for any organization, by \`key_id\` or \`organization_id\`; all other
callers only for their own.

200 means that the events are in the database. 202 means that the database does not respond: the events are stored safely
elsewhere, and are counted once it does.`,
  query: z.strictObject({ ...organizationRef, durability: Durability.optional() }),
  body: UsageBatch,
  forms: FORMS,
  credentials: true,
  returns: { 200: Recorded, 202: Spooled },
  fails: ['organization_not_found', 'rate_limited'],
})

export const usageIngestRoutes = newRouter().openapi(recordRoute, async (c) => {
  const { deps } = c.var
  const organizationId = c.var.isService ? null : c.var.organizationId
  if (organizationId) await enforceRateLimits(deps, { usage_write_organization: { account: organizationId } })
  const batch = c.req.valid('json')
  const { durability = batch.durability } = c.req.valid('query')
  const isCloudEvents = Object.hasOwn(FORMS.wrap ?? {}, mediaType(c.req.raw))
  const answer = await ingestUsage(deps, { ...batch, durability }, { organizationId, isCloudEvents })
  return 'spooled' in answer ? c.json(answer, 202) : c.json(answer, 200)
})

/** Each event is validated on its own, in the handler, so the route's own schema does not contain the event's. */
const { $schema: _, ...reportedEvent } = z.toJSONSchema(ReportedEvent, {
  io: 'input',
  override: ({ jsonSchema }) => {
    if (jsonSchema.format) delete jsonSchema.pattern // the format says the same, in a readable way
  },
})
usageIngestRoutes.openAPIRegistry.registerComponent('schemas', 'ReportedUsageEvent', reportedEvent as object)
