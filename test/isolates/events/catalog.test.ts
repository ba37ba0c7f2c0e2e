import { env } from 'cloudflare:workers'
import { expect, test, vi } from 'vitest'
import guide from '../../../docs/guides/webhooks.md?raw'
import { ALL_METERS } from '../../../src/db/schema/meters.ts'
import { deliverNow } from '../../../src/events/deliver.ts'
import { TEST_EVENT, WEBHOOK_EVENT_TYPES, type WebhookEventType } from '../../../src/events/event-types.ts'
import { EVENT_DATA } from '../../../src/events/schemas.ts'
import { actor } from '../../support/acts.ts'
import { eventually, newUser } from '../../support/http.ts'
import { caughtAt, isSigned, newReceiver } from '../../support/webhooks.ts'

vi.setConfig({ testTimeout: 180_000 })

interface Body {
  readonly type: WebhookEventType
  readonly timestamp: string
  readonly data: Record<string, unknown>
}

/** No endpoint of an organization hears of its creation, and none outlives it. */
const OF_THE_OPERATOR: readonly WebhookEventType[] = ['organization.created', 'organization.deleted']

/** The examples of the guide, by type. */
const examples = new Map<string, Body>(
  [...guide.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(([, text = '']) => {
    const body = JSON.parse(text)
    return [body.type, body]
  }),
)

/** The names and kinds of values: two bodies of one event are equal if neither has null or an empty list. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]))
}

/** @returns where two shapes differ, as paths */
function differences(one: unknown, other: unknown, path = 'body'): string[] {
  const isNothing = (shape: unknown) => shape === null || (Array.isArray(shape) && shape.length === 0)
  if (isNothing(one) || isNothing(other)) return []
  if (typeof one !== 'object' || typeof other !== 'object') return one === other ? [] : [path]
  if (/\.(metadata|features)$/.test(path)) return []
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>]
  const names = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...names].flatMap((name) =>
    name in left && name in right ? differences(left[name], right[name], `${path}.${name}`) : [`${path}.${name}`],
  )
}

test('the guide has an example of every event of the catalog, and of no other', () => {
  expect([...examples.keys()].toSorted()).toEqual([TEST_EVENT, ...WEBHOOK_EVENT_TYPES].toSorted())
  for (const type of WEBHOOK_EVENT_TYPES) {
    const parsed = EVENT_DATA[type].safeParse(examples.get(type)?.data)
    expect([type, parsed.error?.issues]).toEqual([type, undefined])
  }
  const table = [...guide.matchAll(/^\| `([a-z_]+\.[a-z_]+)` \|/gm)].map(([, type = '']) => type)
  expect(table.toSorted()).toEqual([TEST_EVENT, ...WEBHOOK_EVENT_TYPES].toSorted())
})

type Acts = Awaited<ReturnType<typeof actor>>

/** Of a state, what only the operator's endpoints get (test/isolates/events/state.test.ts). */
function asCustomersGet({ data, ...body }: Body): Body {
  if (body.type !== 'organization.state') return { ...body, data }
  const { email: _email, metadata: _metadata, ...rest } = data
  return { ...body, data: rest }
}

/** Without the meters that other tests define for everybody. */
function withBuiltInMeters(body: Body): Body {
  const { quotas } = body.data
  if (!quotas) return body
  const builtIn = Object.entries(quotas).filter(([name]) => (ALL_METERS as readonly string[]).includes(name))
  return { ...body, data: { ...body.data, quotas: Object.fromEntries(builtIn) } }
}

/** Reports where a body departs from its schema and its example. */
function flawsOf(body: Body): unknown[] {
  const parsed = body.type in EVENT_DATA ? EVENT_DATA[body.type].safeParse(body.data) : undefined
  const example = asCustomersGet(examples.get(body.type) as Body)
  const flaws = [...(parsed?.error?.issues ?? []), ...differences(shapeOf(withBuiltInMeters(body)), shapeOf(example))]
  return flaws.map((flaw) => [body.type, flaw])
}

/** Attempts an endpoint's pending deliveries until none is left: Workers of other tests may not reach the receiver. */
async function deliverAll({ deps }: Acts, endpointId: string, organizationIds: readonly string[]): Promise<Body[]> {
  const read = () =>
    deps.sql.query(
      `select id, state, payload from webhook_deliveries
       where endpoint_id = $1 and payload #>> '{data,organization,id}' = any($2) order by id`,
      [endpointId, organizationIds],
    )
  const attempt = async () => {
    const waiting = (await read()).filter(({ state }) => state === 'pending')
    if (waiting.length > 0)
      await deliverNow(
        deps,
        waiting.map(({ id }) => id),
      )
    return read()
  }
  const rows = await eventually(attempt, (all) => all.every(({ state }) => state !== 'pending'), 90_000)
  return rows.filter(({ state }) => state === 'delivered').map(({ payload }) => payload)
}

test('every event is sent by the action that it reports, signed, and matches its schema and its example', async () => {
  const owner = await newUser({ name: 'Ada' })
  const organizationId = owner.user.organization_id as string
  const { secret, caught, id } = await newReceiver(owner.token)
  const acts = await actor({ userId: owner.user.id, organizationId })
  await acts.keys()
  await acts.refusals()
  await acts.people()
  await acts.operator()
  await acts.usage()
  await acts.credits()
  await acts.payments()
  await acts.ask(`POST /api/v1/webhook-endpoints/${id}/test`)
  await acts.worker.settled()
  await deliverAll(acts, id, [organizationId]) // created by jobs

  const sent = await caught()
  const bodies = sent.map(({ body }) => JSON.parse(body) as Body)
  const expected = new Set<string>([TEST_EVENT, ...WEBHOOK_EVENT_TYPES]).difference(new Set(OF_THE_OPERATOR))
  expect([...new Set(bodies.map(({ type }) => type))].toSorted()).toEqual([...expected].toSorted())
  expect(bodies.flatMap(flawsOf)).toEqual([])
  for (const { data } of bodies)
    expect(data.organization).toEqual({ id: organizationId, external_id: null, name: expect.any(String) })
  for (const one of sent) expect(await isSigned(one, secret)).toBe(true)
  expect(new Set(sent.map(({ headers }) => headers['webhook-id'])).size).toBe(sent.length)
})

test('creating and deleting an organization are sent to the operator’s endpoints', async () => {
  const owner = await newUser()
  const acts = await actor({ userId: owner.user.id, organizationId: owner.user.organization_id })
  const body = { url: 'http://127.0.0.1:1/', events: OF_THE_OPERATOR }
  const hook = await acts.asAdmin('POST /api/v1/admin/webhooks', body)
  const path = `/webhooks/catch/${hook.id}`
  await acts.deps.sql.query('update webhook_endpoints set url = $2 where id = $1', [hook.id, `${env.STACK_URL}${path}`])
  try {
    const made = await acts.ask('POST /api/v1/organizations', { name: 'Soon gone' })
    const confirmation = { confirm_name: 'Soon gone', password: owner.password }
    await acts.ask(`DELETE /api/v1/organizations/${made.id}`, confirmation)
    await acts.worker.settled()
    const bodies = await deliverAll(acts, hook.id, [made.id])
    expect(bodies.map(({ type }) => type)).toEqual(OF_THE_OPERATOR)
    expect(bodies.flatMap(flawsOf)).toEqual([])
    expect((await caughtAt(path)).map((one) => JSON.parse(one.body))).toEqual(expect.arrayContaining(bodies))
  } finally {
    await acts.asAdmin(`DELETE /api/v1/admin/webhooks/${hook.id}`)
  }
})
