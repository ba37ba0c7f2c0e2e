import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Key, newCustomer, quotasOf, verify, written } from './customer.ts'
import { endMonth } from './month-end.ts'
import { restorePostgres } from './restore.ts'
import { rollBackRelease } from './rollback.ts'
import { leakSecretKey } from './secret-key.ts'
import { expect, until, type World } from './world.ts'

/** Causes trouble, follows the page's section about it, and checks the result. @throws Error that says what failed */
type Rehearsal = (world: World) => Promise<void>

async function loseRedis(world: World): Promise<void> {
  const { id, key } = await newCustomer(world)
  for (let at = 0; at < 6; at++) expect((await verify(world, key)).valid, 'a call within the limit is valid')
  await world.service.call('POST', '/usage/reserve', { organization_id: id, tokens: 100 })
  await until('six calls are written', async () => (await written(world, id)) === 6)

  await world.redis('FLUSHALL')
  const [printed = ''] = await world.follow('Redis is lost')
  expect(printed.includes('"status":"healthy"'), 'both stores answer')
  const codes: string[] = []
  for (let at = 0; at < 6; at++) codes.push((await verify(world, key)).code)
  expect(codes.filter((code) => code === 'VALID').length === 4, `four of six calls are left, not ${codes.join(', ')}`)
  const { meters } = await quotasOf(world, id)
  expect(meters.api_calls.used === 10, 'the counter goes on from what was written')
  expect(meters.tokens.held === 0, 'what the reservation held is free')
}

async function loseUsage(world: World): Promise<void> {
  const { id, externalId } = await newCustomer(world)
  const timestamp = new Date().toISOString()
  const events = [1, 2, 3].map((at) => ({ id: `${externalId}-${at}`, external_id: externalId, tokens: 7, timestamp }))
  await world.service.call('POST', '/usage', { events: events.slice(0, 1) })
  await world.breakService('sql')
  const answer = await world.service.call<{ spooled?: boolean }>('POST', '/usage', { events: events.slice(1) })
  expect(answer.spooled === true, 'what Postgres cannot take waits in Redis')
  await world.redis('DEL', 'usage:spool')
  await world.mend()

  const file = join(tmpdir(), `tollgate-events-${randomUUID()}.json`)
  await writeFile(file, JSON.stringify({ events }))
  try {
    for (const [accepted, duplicates] of [
      [2, 1],
      [0, 3],
    ] as const) {
      const [printed = ''] = await world.follow('Usage is lost', { EVENTS_FILE: file })
      const said = JSON.parse(printed) as { accepted: number; duplicates: number }
      const isRight = said.accepted === accepted && said.duplicates === duplicates
      expect(isRight, `${accepted} accepted and ${duplicates} known, not ${printed}`)
    }
  } finally {
    await rm(file)
  }
  expect((await written(world, id)) === 3, 'each event counts once')
}

async function loseProvider(world: World): Promise<void> {
  const { id, externalId } = await newCustomer(world)
  const path = `/admin/organizations/${id}`
  await world.admin.call('PATCH', path, { email: 'payer@example.com' })
  const wanted = { external_id: externalId, plan: 'builder', provider: 'stripe' }
  const { url } = await world.service.call<{ url: string }>('POST', '/billing/checkout', wanted)
  await world.breakService('stripe')
  await fetch(url, { method: 'POST', redirect: 'manual' }) // somebody pays, and the provider cannot be queried about it
  const failed = () => world.admin.call<{ data: object[] }>('GET', '/admin/billing/events?state=failed')
  await until('an event failed', async () => (await failed()).data.length > 0)
  await world.mend()

  const printed = await world.follow('The payment provider is away')
  expect(printed.length === 2, 'both blocks were run')
  const { plan } = await world.admin.call<{ plan: string | { id: string } }>('GET', path)
  expect((typeof plan === 'string' ? plan : plan.id) === 'builder', 'who paid has the plan')
  expect((await failed()).data.length === 0, 'no event is left')
}

async function leakServiceKey(world: World): Promise<void> {
  const { id, externalId } = await newCustomer(world)
  const leaked = await world.admin.call<Key>('POST', '/admin/service-keys', {
    name: 'Leaked',
    scopes: ['platform:keys:*', 'platform:organizations:*'],
  })
  const steal = (method: string, path: string, body?: object) =>
    fetch(`${world.server.baseUrl}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${leaked.key}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
  const answer = await steal('POST', '/auth/api-keys', { external_id: externalId, name: 'Of a stranger' })
  const stolen = (await answer.json()) as Key
  expect((await verify(world, stolen.key)).valid, 'the stranger has a key that works')

  const names = { LEAKED_KEY_ID: leaked.id, ISSUED_KEY_ID: stolen.id, ORGANIZATION_ID: id }
  const printed = await world.follow('A service key leaked', names)
  expect(
    printed.some((one) => one.includes('key.issued') && one.includes(stolen.id)),
    'the audit log names the key',
  )
  await until('the leaked key is refused', async () => (await steal('GET', '/admin/organizations')).status === 401)
  await until('so is the key that it issued', async () => (await verify(world, stolen.key)).code === 'REVOKED')
}

export const REHEARSALS: Readonly<Record<string, Rehearsal>> = {
  'restored-postgres': restorePostgres,
  'lost-redis': loseRedis,
  'lost-usage': loseUsage,
  'provider-away': loseProvider,
  'leaked-service-key': leakServiceKey,
  'leaked-secret-key': leakSecretKey,
  'wrong-release': rollBackRelease,
  'month-end': endMonth,
}
