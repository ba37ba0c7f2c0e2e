/** What an operator's back office does with `tollgate/operator`. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NotFoundError, Tollgate, type TollgateBinding } from '../../../packages/tollgate/src/index.ts'
import { type Operator, operate } from '../../../packages/tollgate/src/operator.ts'
import { type ClientWorld, startTollgate } from './world.ts'

let world: ClientWorld
let tollgate: Tollgate
let operator: Operator

beforeAll(async () => {
  world = await startTollgate()
  tollgate = new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey, timeoutMs: 30_000 })
  operator = operate(tollgate)
})
afterAll(() => world.close())

async function newCustomer() {
  const external_id = crypto.randomUUID()
  const organization = await tollgate.customers.upsert({ external_id, name: 'Ada' })
  return { external_id, organization, issued: await tollgate.keys.issue({ external_id, name: `Key ${external_id}` }) }
}

test('an account is created, found, disabled, enabled, signed out and deleted', async () => {
  const email = `ada-${crypto.randomUUID()}@example.com`
  const { id: user_id } = await operator.users.create({ email, send_invitation: false })
  expect((await operator.users.list({ search: email })).data.map((one) => one.id)).toEqual([user_id])
  expect(await operator.users.disable({ user_id, reason: 'Lost phone' })).toMatchObject({ is_active: false })
  expect(await operator.users.enable({ user_id })).toMatchObject({ is_active: true })
  expect(await operator.users.endSessions({ user_id })).toBeUndefined()
  await operator.users.delete({ user_id })
  await expect(operator.users.get({ user_id })).rejects.toBeInstanceOf(NotFoundError)
})

test('a key is found by its name and by the key itself, and a request by its id', async () => {
  const { external_id, organization, issued } = await newCustomer()
  const verdict = await tollgate.keys.verify({ key: issued.key })

  const found: string[] = []
  for await (const { id } of operator.keys.find({ name: `Key ${external_id}` })) found.push(id)
  expect(found).toEqual([issued.id])
  const owner = await operator.keys.lookUp({ key: issued.key })
  expect(owner).toMatchObject({ id: issued.id, organization: { id: organization.id } })
  const request_id = String(verdict.request_id)
  const find = () => operator.requests.get({ request_id, external_id }).catch(() => undefined) // it is written after the verdict
  await expect
    .poll(find, { timeout: 10_000 })
    .toMatchObject({ request_id, organization: { id: organization.id }, key: { id: issued.id } })
})

test('use of all customers and the state of the deployment are read', async () => {
  const { external_id, organization, issued } = await newCustomer()
  await tollgate.usage.send([{ key_id: issued.id, queries: 4 }])

  expect((await operator.usage.summary({ external_id })).totals.queries).toBe(4)
  const days = await operator.usage.timeseries({ external_id, interval: 'day' })
  expect(days.data.reduce((sum, { queries }) => sum + queries, 0)).toBe(4)
  const breakdown = await operator.usage.breakdown({ by: 'organization' })
  expect(JSON.stringify(breakdown.data)).toContain(organization.id)
  expect((await operator.deployment.overview()).customers).toBeDefined()
  expect((await operator.deployment.system()).jobs.length).toBeGreaterThan(0)
  const log = await operator.audit.list({ external_id })
  expect(log.data.map(({ action }) => action)).toContain('organization.created')
})

test('an endpoint of the operator gets the events of all customers, and its deliveries and mails are listed', async () => {
  const made = await operator.webhooks.create({
    url: 'https://hooks.example.com/ours',
    events: ['organization.created'],
  })
  const { id: endpoint_id } = made
  const { organization } = await newCustomer()
  await operator.webhooks.update({ endpoint_id, description: 'Ours' })
  await operator.webhooks.test({ endpoint_id })
  const rotated = await operator.webhooks.rotateSecret({ endpoint_id })

  expect(rotated.secret).not.toBe(made.secret)
  expect(await operator.webhooks.get({ endpoint_id })).toMatchObject({ description: 'Ours' })
  expect((await operator.webhooks.list()).data.map(({ id }) => id)).toContain(endpoint_id)
  const { data } = await operator.webhooks.deliveries({ endpoint_id })
  expect(data.map(({ type }) => type).toSorted()).toEqual(['organization.created', 'webhook.test'])
  expect(JSON.stringify(data)).toContain(organization.id)
  const all = await operator.deliveries.list({ endpoint_id })
  expect(all.data.length).toBe(2)
  const again = await operator.deliveries.resend({ delivery_id: all.data[0]?.id ?? '' })
  expect(again.event_id).toBe(all.data[0]?.event_id)
  await operator.webhooks.delete({ endpoint_id })
})

test('a waiting mail is found by its address, and resent', async () => {
  const { external_id } = await newCustomer()
  const email = `ada-${crypto.randomUUID()}@example.com`
  await tollgate.invitations.create({ external_id, email, role: 'member' })
  const { data } = await operator.mails.list({ to: email })
  expect(data).toHaveLength(1)
  expect(await operator.mails.resend({ mail_id: data[0]?.id ?? '' })).toMatchObject({ id: data[0]?.id })
})

test('none of it works over a service binding', async () => {
  const bound = operate(Tollgate.fromBinding({} as TollgateBinding))
  await expect(bound.deployment.overview()).rejects.toMatchObject({ code: 'not_over_binding' })
})
