import { randomUUID } from 'node:crypto'
import { type Key, newCustomer, quotasOf, verify, written } from './customer.ts'
import { makeRemovable } from './restore-removed.ts'
import { expect, until, type World } from './world.ts'

/** A name that the local stack accepts for the former database: any host except the current one. */
const FORMER = 'postgresql://postgres:local@former/postgres'

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

/** A person, signed in as in a browser. */
async function newPerson({ server }: World) {
  const login = { email: `${randomUUID()}@example.com`, password: 'A person who was there before' }
  const post = (path: string, body: object) =>
    fetch(`${server.baseUrl}/api/v1/auth/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  await post('register', { ...login, confirm_password: login.password })
  const signedIn = (await (await post('login', login)).json()) as Tokens
  const refresh = (token: string) => post('refresh', { refresh_token: token })
  return { email: login.email, token: signedIn.refresh_token, refresh }
}

/** A customer on a paid plan at Polar, whose calls above `included` are charged. */
async function newPayer(world: World, included: number) {
  const { id, externalId } = await newCustomer(world)
  await world.admin.call('PATCH', `/admin/organizations/${id}`, { email: 'payer@example.com' })
  const wanted = { external_id: externalId, plan: 'builder', provider: 'polar' }
  const { url } = await world.service.call<{ url: string }>('POST', '/billing/checkout', wanted)
  await fetch(url, { method: 'POST', redirect: 'manual' })
  await world.admin.call('PUT', `/admin/organizations/${id}/quotas`, { meters: { api_calls: included } })
  const use = (calls: number) =>
    world.service.call('POST', '/usage?durability=sync', {
      events: [{ id: randomUUID(), organization_id: id, api_calls: calls }],
    })
  return { id, use }
}

/** The overage at Polar, event by event. */
async function chargedUnits(world: World, organizationId: string): Promise<number[]> {
  const { usage } = (await world.stack('/polar/state')) as { usage: { externalId: string; units: number }[] }
  return usage.filter(({ externalId }) => externalId.startsWith(organizationId)).map(({ units }) => units)
}

/** The last time at which all organizations were checked for overage. */
function lastFullLook(): Date {
  const at = new Date()
  if (at.getUTCMinutes() < 7) at.setUTCHours(at.getUTCHours() - 1)
  at.setUTCMinutes(7, 30, 0)
  return at
}

/** Makes emails and webhooks that were refused due again. */
async function sendWaiting(world: World): Promise<void> {
  for (const table of ['mail_outbox', 'webhook_deliveries'])
    await world.sql.query(`update ${table} set next_attempt_at = now() where next_attempt_at is not null`)
  await world.sql.query('update webhook_endpoints set paused_until = null, busy_until = null')
  await world.runJobs()
}

interface Hook {
  readonly body: string
}

/** What the outside world received: emails to a person, and webhooks by their content. */
async function listSent(world: World, { email, hook }: { email: string; hook: string }) {
  const mails = (await world.stack(`/outbox?format=json&to=${encodeURIComponent(email)}`)) as object[]
  const hooks = (await world.stack(`/webhooks?format=json&path=${encodeURIComponent(hook)}`)) as Hook[]
  const told = hooks.map(({ body }) => JSON.parse(body) as { type: string; data: unknown })
  const events = told.filter(({ type }) => type !== 'organization.state') // a state may be sent any number of times
  return { mails: mails.length, hooks: events.map(({ type, data }) => JSON.stringify({ type, data })) }
}

export async function restorePostgres(world: World): Promise<void> {
  const customer = await newCustomer(world)
  const destroyed = await newCustomer(world)
  const revoked = await newKey(world, customer.externalId)
  const person = await newPerson(world)
  const removable = await makeRemovable(world)
  const payer = await newPayer(world, 1_000)
  await until('the plan is bought', async () => (await planOf(world, payer.id)) === 'builder')
  const hook = `/webhooks/catch/${randomUUID()}`
  const url = `${world.server.localUrl}${hook}`
  await world.service.call('POST', '/webhook-endpoints', { external_id: customer.externalId, url })
  for (let at = 0; at < 4; at++) await verify(world, customer.key)
  await payer.use(1_100)
  await world.runJobs(lastFullLook())
  expect(String(await chargedUnits(world, payer.id)) === '100', 'overage was charged before the moment')
  await world.breakService('mail')
  await world.breakService('webhooks')
  await forgetPassword(world, person.email)
  await newKey(world, customer.externalId)
  await until('four calls are written', async () => (await written(world, customer.id)) === 4)
  const before = await listSent(world, { email: person.email, hook })

  await world.stack('/control/database', { do: 'keep' })
  const moment = new Date().toISOString()
  await world.mend()
  await sendWaiting(world)
  const sent = await listSent(world, { email: person.email, hook })
  expect(sent.mails > before.mails && sent.hooks.length > before.hooks.length, 'what waited was sent after the moment')
  for (let at = 0; at < 3; at++) await verify(world, customer.key)
  const issued = await newKey(world, customer.externalId)
  await world.admin.call('DELETE', `/auth/api-keys/${revoked.id}?organization_id=${customer.id}`)
  await removable.remove()
  const rotated = (await (await person.refresh(person.token)).json()) as Tokens
  await payer.use(50)
  await world.runJobs(lastFullLook())
  await until('seven calls are written', async () => (await written(world, customer.id)) === 7)
  await world.sql.query('delete from organizations where id = $1', [destroyed.id]) // the disaster

  await world.stack('/control/database', { do: 'branch' })
  const [present, branch] = [`${world.server.localUrl}/sql`, `${world.server.localUrl}/branch/sql`]
  const names = {
    MOMENT: moment,
    FORMER_DATABASE_URL: FORMER,
    RESTORED_DATABASE_URL: 'postgresql://postgres:local@localhost/postgres',
  }
  await world.follow('Postgres is restored to an older moment', async (place) => {
    if (place === 0) return { ...names, NEON_FETCH_ENDPOINT: branch, FORMER_NEON_FETCH_ENDPOINT: present }
    if (place === 1) await world.stack('/control/database', { do: 'switch' })
    return { ...names, NEON_FETCH_ENDPOINT: present, FORMER_NEON_FETCH_ENDPOINT: branch }
  })

  await expectLimits(world, { customer, destroyed, revoked, issued })
  await removable.expectGone()
  await expectCharges(world, payer)
  await sendWaiting(world)
  const after = await listSent(world, { email: person.email, hook })
  const twice = after.hooks.filter((told, place) => after.hooks.indexOf(told) !== place)
  expect(twice.length === 0, `no webhook was sent twice, but ${twice.join()}`)
  expect(after.mails === sent.mails, 'no email was sent twice')
  expect((await person.refresh(rotated.refresh_token)).status === 200, 'who was signed in still is')
}

interface Outcome {
  readonly customer: { readonly id: string; readonly key: string }
  readonly destroyed: { readonly key: string }
  readonly revoked: Key
  readonly issued: Key
}

/** Three of ten calls are left, access is unchanged, and what was destroyed is back. */
async function expectLimits(world: World, { customer, destroyed, revoked, issued }: Outcome): Promise<void> {
  expect((await written(world, customer.id)) === 7, 'calls from after the moment are written')
  expect((await quotasOf(world, customer.id)).meters.api_calls.used === 7, 'the counter has them')
  await until('the destroyed customer is back', async () => (await verify(world, destroyed.key)).valid)
  await until('the revoked key is refused', async () => (await verify(world, revoked.key)).code === 'REVOKED')
  const codes: string[] = []
  for (const { key } of [issued, customer, customer, customer]) codes.push((await verify(world, key)).code)
  expect(codes.join() === 'VALID,VALID,VALID,QUOTA_EXCEEDED', `three of four calls are left, not ${codes.join()}`)
}

/** Each unit was charged once, those from after the moment and those that follow. */
async function expectCharges(world: World, payer: { id: string; use(calls: number): Promise<unknown> }): Promise<void> {
  await payer.use(30)
  await world.runJobs(lastFullLook())
  const units = await chargedUnits(world, payer.id)
  expect(units.join() === '100,50,30', `Polar has 100, 50 and 30 units, not ${units.join()}`)
  const { data } = await world.admin.call<{ data: { difference_units: number }[] }>(
    'GET',
    `/admin/billing/ledger?organization_id=${payer.id}`,
  )
  expect(
    data.every(({ difference_units }) => difference_units === 0),
    'the ledger and the usage agree',
  )
}

const newKey = ({ service }: World, externalId: string) =>
  service.call<Key>('POST', '/auth/api-keys', { external_id: externalId, name: 'Rehearsal' })

const forgetPassword = ({ service }: World, email: string) => service.call('POST', '/auth/password/reset', { email })

async function planOf({ admin }: World, id: string): Promise<string> {
  const { plan } = await admin.call<{ plan: string | { id: string } }>('GET', `/admin/organizations/${id}`)
  return typeof plan === 'string' ? plan : plan.id
}
