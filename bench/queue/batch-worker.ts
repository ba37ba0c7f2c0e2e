/**
 * Each request is an isolate's batch at the end of its time: `/<organization>/<events>`. It is sent to the queue if there is
 * one, else written. The Worker is also the consumer of the queue.
 */
import { createDeps } from '../../src/create-deps.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { consumeUsage } from '../../src/metering/consume-queue.ts'
import { type UsageEvent, VERIFICATION } from '../../src/metering/event.ts'
import { sendUsage } from '../../src/metering/queue.ts'
import { writeUsage } from '../../src/metering/write.ts'

const ENDPOINTS = 50

interface Context {
  waitUntil(work: Promise<unknown>): void
}

export default {
  async fetch(request: Request, env: object, context: Context) {
    const [, organizationId = '', count] = new URL(request.url).pathname.split('/')
    const deps = createDeps(env, context)
    const events = Array.from({ length: Number(count) }, () => newEvent(organizationId))
    await (deps.usageQueue ? sendUsage(deps.usageQueue, events) : writeUsage(deps, events))
    return new Response(null, { status: 204 })
  },
  async queue({ messages }: { messages: Parameters<typeof consumeUsage>[1] }, env: object, context: Context) {
    const deps = createDeps(env, context)
    deps.budget.lift()
    await consumeUsage(deps, messages)
  },
}

function newEvent(organization_id: string): UsageEvent {
  const now = Date.now()
  return {
    id: uuidv7(now),
    source: VERIFICATION,
    organization_id,
    occurred_at: new Date(now).toISOString(),
    environment: 'live',
    endpoint: `/v1/resources/${Math.floor(Math.random() * ENDPOINTS)}`,
    method: 'GET',
    status_code: 200,
    api_calls: 1,
    lane: 0,
  }
}
