import { deliverDueWebhooks } from '../../src/events/deliver.ts'
import { deliveriesFor } from '../../src/events/publish.ts'
import { call, newUser } from './http.ts'
import { newIsolate } from './isolate.ts'
import { managementDeps } from './management.ts'
import { LOCAL, newReceiver } from './webhooks.ts'

export type WebhookWorld = Awaited<ReturnType<typeof world>>

/** An organization with one receiver, and an isolate that may reach it and whose clock can be moved. */
export async function world(fields: Record<string, unknown> = {}, query = '') {
  const owner = await newUser()
  const organizationId = owner.user.organization_id as string
  const receiver = await newReceiver(owner.token, fields, query)
  const isolate = await newIsolate(LOCAL)
  const runJob = () => deliverDueWebhooks(isolate.deps())

  async function happen(data: Record<string, unknown> = {}) {
    const type = 'quota.threshold_reached'
    const { insert, send } = deliveriesFor(managementDeps(isolate.deps()), {
      organizationId,
      type,
      data: { organization_id: organizationId, ...data },
    })
    await insert
    return send
  }

  const deliveries = async () =>
    (await call(`GET /api/v1/webhook-endpoints/${receiver.id}/deliveries`, { token: owner.token })).body.data
  const endpoint = async () => (await call(`GET /api/v1/webhook-endpoints/${receiver.id}`, { token: owner.token })).body
  return { ...owner, organizationId, receiver, isolate, runJob, happen, deliveries, endpoint }
}
