/** The root secret has leaked, together with a copy of the database. */
import { randomBytes, randomUUID } from 'node:crypto'
import { hexToBytes } from '@noble/hashes/utils.js'
import { describePurpose } from '../../src/accounts/two-factor/totp-purpose.ts'
import { openSecret, sealSecret, signatures } from '../../src/events/sign.ts'
import { openHeader } from '../../src/gateway/secrets.ts'
import { fromBase64 } from '../../src/lib/bytes.ts'
import { unseal } from '../../src/lib/seal.ts'
import { toStep, totp } from '../../src/lib/totp.ts'
import { newCustomer, verify } from './customer.ts'
import { openDeployment } from './deployment.ts'
import { newPerson, openSuccessor, type Person, setUpSecondFactor, signInWith } from './person.ts'
import { expect, until, type World } from './world.ts'

const SECTION = 'The root secret leaked'
const HEADER = 'x-upstream-key'

interface Endpoint {
  readonly id: string
  readonly secret: string
}
interface Caught {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
/** What a deployment has sealed for one customer and one person. */
interface Sealed {
  readonly organizationId: string
  readonly endpointId: string
  readonly routeId: string
  readonly userId: string
}

const newSecretKey = () => randomBytes(36).toString('base64url')

export async function leakSecretKey(world: World): Promise<void> {
  const deployment = await openDeployment(world.variables, world.folder)
  try {
    await leakAt(world.at(deployment.url, deployment.environment), deployment.url)
  } finally {
    await deployment.close()
  }
}

async function leakAt(world: World, url: string): Promise<void> {
  const leaked = world.variables['SECRET_KEY'] ?? ''
  const fresh = newSecretKey()
  const customer = await newCustomer(world)
  const endpoint = await newEndpoint(world, customer.id, 'own')
  const routeId = await newRoute(world)
  const person = await newPerson(url)
  const sealed = { organizationId: customer.id, endpointId: endpoint.id, routeId, userId: person.id }

  const stolen = await openAll(world, leaked, sealed)
  const ahead = totp(fromBase64(stolen.factor), toStep(Date.now()) + 1)
  expect(stolen.signing === endpoint.secret, 'the stranger reads how webhooks are signed')
  expect(await signInWith(person, ahead), 'with the password as well, the stranger passes the second factor')

  const newCredential = newSecretKey()
  const variables = { NEW_SECRET: fresh, LEAKED_SECRET: leaked, NEW_CREDENTIAL: newCredential, HEADER }
  const names = { ENDPOINT_ID: sealed.endpointId, ORGANIZATION_ID: sealed.organizationId, USER_ID: person.id }
  await world.follow(SECTION, async (place) => {
    if (place === 1) await expectAllWorks(world, endpoint, { url, ...sealed, key: customer.key })
    if (place === 2) await expectRotated(world, { leaked, fresh, stolen, sealed, person, endpoint, key: customer.key })
    return { ...variables, ...names, ROUTE_ID: routeId }
  })

  const caught = await deliver(world, endpoint.id, customer.id)
  expect(!(await isSignedWith(stolen.signing, caught)), 'what is signed with the stolen secret is no webhook of ours')
  const again = await openAll(world, fresh, { ...sealed, userId: await setUpSecondFactor(person) })
  const code = totp(fromBase64(stolen.factor), toStep(Date.now()))
  expect(again.factor !== stolen.factor && !(await signInWith(person, code)), 'the stolen second factor is refused')
  expect(again.header === newCredential && stolen.header !== newCredential, 'the route has another credential')
  await world.admin.call('DELETE', `/admin/routes/${routeId}`)
}

/** With both secrets in the list, everything works as before. */
async function expectAllWorks(
  world: World,
  endpoint: Endpoint,
  { url, organizationId, key }: Sealed & { url: string; key: string },
): Promise<void> {
  expect(await isSignedWith(endpoint.secret, await deliver(world, endpoint.id, organizationId)), 'webhooks go on')
  const path = randomUUID()
  const answer = await fetch(`${url}/gw/rehearsal-secret/${path}`, { method: 'POST', headers: { 'X-API-Key': key } })
  const [caught] = await caughtAt(world, path)
  expect(answer.ok && caught?.headers[HEADER] !== undefined, `the route sends its header: ${answer.status}`)
}

interface Rotated {
  readonly leaked: string
  readonly fresh: string
  readonly stolen: Awaited<ReturnType<typeof openAll>>
  readonly sealed: Sealed
  readonly person: Person
  readonly endpoint: Endpoint
  readonly key: string
}

/** The leaked secret is out of the list: sealed values open with the new one, and the leaked one is useless. */
async function expectRotated(world: World, { leaked, fresh, stolen, sealed, person, endpoint, key }: Rotated) {
  const { organizationId } = sealed
  const same = JSON.stringify(await openAll(world, fresh, sealed)) === JSON.stringify(stolen)
  expect(same, 'all that was sealed opens with the new secret')
  const opened = await openAll(world, leaked, sealed).catch(() => undefined)
  expect(opened === undefined, 'nothing of it opens with the leaked one')
  expect(await isSignedWith(endpoint.secret, await deliver(world, endpoint.id, organizationId)), 'webhooks go on')
  expect((await verify(world, key)).valid, "the customer's key goes on")

  const former = person.tokens.refresh_token
  const successor = await person.refresh()
  const forged = await openSuccessor(world, leaked, former)
  expect(forged !== successor, 'the next refresh token does not follow from the leaked secret')
  expect(!(await person.mayRefresh(forged)), 'one that was forged with it is refused')

  const planted = await newEndpoint(world, organizationId, 'planted')
  const forgery = Buffer.from(await sealSecret({ SECRET_KEY: leaked }, planted.id, planted.secret)).toString('hex')
  await world.sql.query(`update webhook_endpoints set secret = decode($2, 'hex') where id = $1`, [planted.id, forgery])
  await world.admin.call('POST', `/webhook-endpoints/${planted.id}/test?organization_id=${organizationId}`)
  const deliveries = `/webhook-endpoints/${planted.id}/deliveries?organization_id=${organizationId}`
  await until('a webhook whose secret was sealed with the leaked one is refused', async () => {
    const { data } = await world.admin.call<{ data: { state: string }[] }>('GET', deliveries)
    return data.some(({ state }) => state === 'failed')
  })
  expect((await caughtAt(world, planted.id)).length === 0, 'and was not sent')
  await world.admin.call('DELETE', `/webhook-endpoints/${planted.id}?organization_id=${organizationId}`)
}

/** Opens sealed values as somebody with a copy of the database does. @throws if sealed under another secret */
async function openAll({ sql }: World, secret: string, { endpointId, routeId, userId }: Sealed) {
  const root = { SECRET_KEY: secret }
  const [row] = await sql.query(
    `select encode(w.secret, 'hex') as signing, encode(t.secret_encrypted, 'hex') as factor,
       r.add_headers -> $4 ->> 'sealed' as header
     from webhook_endpoints w, totp_credentials t, gateway_routes r where w.id = $1 and t.user_id = $2 and r.id = $3`,
    [endpointId, userId, routeId, HEADER],
  )
  return {
    signing: await openSecret(root, endpointId, hexToBytes(String(row?.['signing']))),
    factor: await unseal(root, describePurpose(userId), hexToBytes(String(row?.['factor']))),
    header: await openHeader(root, { id: routeId, name: HEADER, sealed: String(row?.['header']) }),
  }
}

async function newEndpoint({ admin, server }: World, organizationId: string, description: string): Promise<Endpoint> {
  const address = `${server.localUrl}/webhooks/catch/${randomUUID()}`
  const body = { organization_id: organizationId, url: address, description }
  return admin.call('POST', '/webhook-endpoints', body)
}

async function newRoute({ admin, server }: World): Promise<string> {
  const { id } = await admin.call<{ id: string }>('POST', '/admin/routes', {
    slug: 'rehearsal-secret',
    match: { path_prefix: '/' },
    upstream: `${server.localUrl}/webhooks/catch`,
    add_headers: { [HEADER]: { value: newSecretKey(), is_secret: true } },
  })
  return id
}

/** What arrived at an address whose path ends like this, newest first. */
async function caughtAt(world: World, end: string): Promise<readonly Caught[]> {
  const all = (await world.stack('/webhooks?format=json')) as (Caught & { path: string })[]
  return all.filter(({ path }) => path.endsWith(end))
}

/** Triggers an event, and waits for its delivery. */
async function deliver(world: World, endpointId: string, organizationId: string): Promise<Caught> {
  const one = `/webhook-endpoints/${endpointId}`
  const { url } = await world.admin.call<{ url: string }>('GET', `${one}?organization_id=${organizationId}`)
  const end = url.split('/').at(-1) ?? ''
  const before = (await caughtAt(world, end)).length
  await world.admin.call('POST', `${one}/test?organization_id=${organizationId}`)
  await until('the webhook came', async () => (await caughtAt(world, end)).length > before)
  return (await caughtAt(world, end))[0] as Caught
}

/** Verifies a signature as a receiver with this secret does. */
async function isSignedWith(secret: string, { headers, body }: Caught): Promise<boolean> {
  const message = { id: headers['webhook-id'] ?? '', timestamp: Number(headers['webhook-timestamp']), body }
  const expected = await signatures([secret], message)
  return (headers['webhook-signature'] ?? '').split(' ').includes(expected)
}
