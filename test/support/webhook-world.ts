import { ormOver } from '../../src/db/orm.ts'
import type { Deps } from '../../src/deps.ts'
import { deliverDueWebhooks, deliverSlowWebhooks } from '../../src/events/deliver.ts'
import { insertDeliveries, sendSoon } from '../../src/events/publish.ts'
import { organizationEvent } from '../../src/events/subjects.ts'
import { call, newUser } from './http.ts'
import { newIsolate } from './isolate.ts'
import { LOCAL, newReceiver } from './webhooks.ts'

export type WebhookWorld = Awaited<ReturnType<typeof world>>

/** An organization with one receiver, and an isolate that may reach it and whose clock can be moved. */
export async function world(fields: Record<string, unknown> = {}, query = '') {
  const owner = await newUser()
  const organizationId = owner.user.organization_id as string
  const receiver = await newReceiver(owner.token, fields, query)
  const isolate = await newIsolate(LOCAL)
  type Others = readonly { readonly organizationId: string }[]
  const withOwn = (others: Others) => [organizationId, ...others.map((one) => one.organizationId)]
  /** The job of fast endpoints, limited to this organization and others of this test: other tests have deliveries as well. */
  const runQuick = (...others: Others) => deliverDueWebhooks(isolate.deps(), withOwn(others))
  /** The job of slow endpoints. */
  const runSlow = (...others: Others) => deliverSlowWebhooks(isolate.deps(), withOwn(others))
  /** Both jobs of a minute. */
  const runJob = (...others: Others) => Promise.all([runQuick(...others), runSlow(...others)])

  async function happen(data: Record<string, unknown> = {}) {
    const send = await publish(isolate.deps(), organizationId, data)
    return send
  }

  const deliveries = async () =>
    (await call(`GET /api/v1/webhook-endpoints/${receiver.id}/deliveries`, { token: owner.token })).body.data
  const endpoint = async () => (await call(`GET /api/v1/webhook-endpoints/${receiver.id}`, { token: owner.token })).body
  return { ...owner, organizationId, receiver, isolate, runJob, runQuick, runSlow, happen, deliveries, endpoint }
}

/** Queues an event. @returns what sends it at once */
export async function publish(deps: Deps, organizationId: string, data: Record<string, unknown> = {}) {
  const event = organizationEvent('quota.threshold_reached', organizationId, data)
  const { rows } = await ormOver(deps.sql).execute<{ id: string }>(insertDeliveries(deps.now(), event))
  return () =>
    sendSoon(
      deps,
      rows.map(({ id }) => id),
    )
}
