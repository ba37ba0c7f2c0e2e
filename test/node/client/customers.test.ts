/** What a back end does for its customers with the client: organizations, people, roles, endpoints, alerts, links. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConflictError, NotFoundError, Tollgate } from '../../../packages/tollgate/src/index.ts'
import { type ClientWorld, startTollgate } from './world.ts'

let world: ClientWorld
let tollgate: Tollgate

beforeAll(async () => {
  world = await startTollgate({ settings: { IMPORTED_KEYS: 'true' } })
  tollgate = new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey, timeoutMs: 30_000 })
})
afterAll(() => world.close())

/** Its id has characters that must be escaped in a path. */
async function newCustomer(plan = 'pro') {
  const external_id = `a/b:ä ${crypto.randomUUID()}`
  return { ...(await tollgate.customers.create({ external_id, name: 'Ada', plan })), external_id }
}

const newEmail = () => `ada-${crypto.randomUUID()}@example.com`

test('a customer is created, found by either name, changed, renamed, moved to a plan, suspended and deleted', async () => {
  const { id, external_id } = await newCustomer('free')
  const renamed = `renamed ${crypto.randomUUID()}`

  expect((await tollgate.customers.get({ external_id })).id).toBe(id)
  await tollgate.customers.update({ external_id, name: 'Ada & Co', email: 'billing@example.com' })
  await tollgate.customers.update({ organization_id: id, external_id: renamed })
  await tollgate.customers.setPlan({ external_id: renamed, plan: 'builder', reason: 'A good customer' })
  const suspended = await tollgate.customers.setSuspension({ external_id: renamed, suspended: true, reason: 'Unpaid' })

  expect(suspended).toMatchObject({ id, name: 'Ada & Co', external_id: renamed, plan: 'builder' })
  expect(suspended.suspended_reason).toBe('Unpaid')
  await tollgate.customers.setSuspension({ external_id: renamed, suspended: false })
  const found = await tollgate.customers.list({ search: renamed })
  expect(found.data.map((one) => [one.id, one.suspended_at])).toEqual([[id, null]])
  expect(await tollgate.customers.signIn({ organization_id: id })).toMatchObject({ domains: [], single_sign_on: null })
  await tollgate.customers.delete({ organization_id: id })
  await expect(tollgate.customers.get({ organization_id: id })).rejects.toBeInstanceOf(NotFoundError)
})

test('people are invited, get a custom role of the customer, and are removed', async () => {
  const { external_id } = await newCustomer()
  const role = await tollgate.roles.create({ external_id, name: 'reader', permissions: ['usage:read'] })
  await tollgate.roles.update({ external_id, name: role.name, description: 'Reads along' })
  const roles = await tollgate.roles.list({ external_id })
  expect(roles.data.find(({ name }) => name === 'reader')).toMatchObject({ description: 'Reads along' })

  const invited = await tollgate.invitations.create({ external_id, email: newEmail(), role: 'reader' })
  await tollgate.invitations.resend({ external_id, invitation_id: invited.id })
  await tollgate.invitations.revoke({ external_id, invitation_id: invited.id })
  const states: string[] = []
  for await (const one of tollgate.invitations.list({ external_id })) states.push(one.status)
  expect(states).toEqual(['revoked'])

  const [owner, other] = [await newPerson(), await newPerson()]
  await tollgate.members.add({ external_id, email: owner.email, role: 'owner' })
  await tollgate.members.add({ external_id, email: other.email, role: 'member' })
  await tollgate.members.update({ external_id, user_id: other.id, role: 'reader' })
  const members = await tollgate.members.list({ external_id })
  expect(Object.fromEntries(members.data.map((one) => [one.user_id, one.role]))).toEqual({
    [owner.id]: 'owner',
    [other.id]: 'reader',
  })
  await expect(tollgate.roles.delete({ external_id, name: 'reader' })).rejects.toBeInstanceOf(ConflictError)
  await tollgate.members.remove({ external_id, user_id: other.id })
  await tollgate.roles.delete({ external_id, name: 'reader' })
  expect((await tollgate.members.list({ external_id })).data.map((one) => one.user_id)).toEqual([owner.id])
})

async function newPerson() {
  const body = { email: newEmail(), send_invitation: false }
  return tollgate.call('POST /admin/users', { body })
}

test('an endpoint gets a test event, a new secret and another description, and its deliveries are listed', async () => {
  const { external_id } = await newCustomer()
  const made = await tollgate.webhooks.create({
    external_id,
    url: 'https://hooks.example.com/ours',
    events: ['key.created'],
  })
  const { id: endpoint_id } = made
  const rotated = await tollgate.webhooks.rotateSecret({ external_id, endpoint_id })
  await tollgate.webhooks.update({ external_id, endpoint_id, description: 'Ours', is_active: true })
  const sent = await tollgate.webhooks.test({ external_id, endpoint_id })
  const again = await tollgate.webhooks.resend({ external_id, endpoint_id, delivery_id: sent.id })
  const deliveries = await tollgate.webhooks.deliveries({ external_id, endpoint_id })

  expect(made.secret).toMatch(/^whsec_/)
  expect(rotated.secret).not.toBe(made.secret)
  expect(await tollgate.webhooks.get({ external_id, endpoint_id })).toMatchObject({ description: 'Ours' })
  expect(deliveries.data.map(({ id, type }) => [id, type])).toEqual([[sent.id, 'webhook.test']])
  expect(again.event_id).toBe(sent.event_id)
  await tollgate.webhooks.delete({ external_id, endpoint_id })
  expect((await tollgate.webhooks.list({ external_id })).data).toEqual([])
})

test('a portal link is created, alerts get thresholds, and the audit log records the actions', async () => {
  const { external_id, id } = await newCustomer()
  const link = await tollgate.portal.createLink({ external_id, scopes: ['keys:read'] })
  expect(link.url).toContain('/portal')

  await tollgate.alerts.setThresholds({ external_id, thresholds: [50, 90], amounts: [{ meter: 'queries', amount: 7 }] })
  const amounts = [{ meter: 'queries', kind: 'usage', amount: 7 }]
  const thresholds = { thresholds: [50, 90], amounts, is_default: false }
  expect(await tollgate.alerts.getThresholds({ external_id })).toEqual(thresholds)
  expect(await tollgate.alerts.list({ external_id })).toEqual({ data: [], next_cursor: null })

  const actions: string[] = []
  for await (const { action } of tollgate.audit.list({ organization_id: id, limit: 1 })) actions.push(action)
  expect(actions).toEqual(expect.arrayContaining(['organization.created', 'portal.session_created']))
})

test('keys of another system are imported, and use is read by key, event and month, as CSV, and as a forecast', async () => {
  const { external_id } = await newCustomer()
  const key = `old_${crypto.randomUUID()}`
  const hash = createHash('sha256').update(key).digest('hex')
  const imported = await tollgate.keys.import({ external_id, keys: [{ name: 'Old', hash }] })
  expect(imported).toMatchObject({ imported: 1, duplicates: 0 })
  const { key_id } = await tollgate.keys.verify({ key, cost: 0 })
  await tollgate.usage.send([{ id: 'e1', key_id: String(key_id), endpoint: '/v1/answers', queries: 3 }])

  const events: unknown[] = []
  for await (const { id, queries } of tollgate.usage.events({ external_id, id: 'e1' })) events.push([id, queries])
  expect(events).toEqual([['e1', 3]])
  const { data } = await tollgate.usage.keys({ external_id, key_ids: String(key_id) })
  expect(data).toMatchObject([{ key_id }])
  expect((await tollgate.usage.month({ external_id })).totals.queries).toBe(3)
  expect(await tollgate.usage.export({ external_id, what: 'events' })).toContain('/v1/answers')
  expect((await tollgate.usage.forecast({ external_id })).meters.queries).toMatchObject({ used: 3 })
})

test('a hold is canceled, and takes nothing', async () => {
  const { external_id } = await newCustomer()
  const held = await tollgate.usage.reserve({ external_id, queries: 5 })
  if (!held.granted) throw new Error('The plan has queries.')
  const canceled = await tollgate.usage.cancel({ reservation_id: held.reservation_id })
  expect(canceled).toMatchObject({ outcome: 'canceled', released: true })
  expect((await tollgate.quotas.get({ external_id })).meters.queries.used).toBe(0)
  const another = await tollgate.usage.reserve({ external_id, queries: 5 })
  if (!another.granted) throw new Error('The plan has queries.')
  const ended = await tollgate.usage.cancelReservation({ external_id, reservation_id: another.reservation_id })
  expect(ended).toEqual({ outcome: 'canceled', released: true })
})
