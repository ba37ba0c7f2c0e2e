import { exports } from 'cloudflare:workers'
import { expect, inject, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call } from '../../support/http.ts'
import { USAGE } from '../../support/usage-reports.ts'

const { Tollgate } = exports
const { service_key } = inject('credentials')
const { sql } = directly()

const [platform] = await sql.query('select id from organizations where is_platform')
const organization_id = platform?.id as string
const token = await administrator()
const own = { name: 'Back end', scopes: ['platform:verify'] }
const key_id = (await call('POST /api/v1/admin/service-keys', { token, body: own })).body.id as string

const OWNERS = [
  [{ organization_id }, 'organization_not_found'],
  [{ key_id }, 'key_not_found'],
  [{ key_id, organization_id }, 'organization_not_found'],
] as const

test.each(OWNERS)('a service cannot report usage of the platform organization: %o', async (owner, code) => {
  const body = { events: [{ id: crypto.randomUUID(), queries: 1, ...owner }] }
  const refused = { accepted: 0, rejected: [{ index: 0, code }] }
  expect((await call(USAGE, { token: service_key, body })).body).toMatchObject(refused)
  expect(await Tollgate.recordUsage(body)).toMatchObject(refused)
})

test('nor can it after the platform organization has reported usage of its own', async () => {
  const line = `${USAGE}?organization_id=${organization_id}`
  const event = { id: crypto.randomUUID(), key_id, queries: 1 }
  expect((await call(line, { token, body: { events: [event] } })).body).toMatchObject({ accepted: 1 })
  const again = { events: [{ ...event, id: crypto.randomUUID() }] }
  const { body } = await call(USAGE, { token: service_key, body: again })
  expect(body).toMatchObject({ accepted: 0, rejected: [{ code: 'key_not_found' }] })
})

test.each(OWNERS)('a service cannot reserve quota of the platform organization: %o', async (owner, code) => {
  const body = { ...owner, queries: 1 }
  expect((await call(`${USAGE}/reserve`, { token: service_key, body })).body).toMatchObject({ code, status: 404 })
  expect(await Tollgate.reserve(body)).toMatchObject({ code: code.toUpperCase(), status: 404 })
})

test('a service can neither settle nor cancel a reservation of the platform organization', async () => {
  const reserved = await call(`${USAGE}/reserve`, { token, body: { organization_id, queries: 1 } })
  expect(reserved.body).toMatchObject({ granted: true })
  const { reservation_id } = reserved.body
  for (const use of [{ queries: 1 }, { queries: 1, timestamp: new Date().toISOString() }, { cancel: true as const }]) {
    const body = { reservation_id, ...use }
    const { body: answer } = await call(`${USAGE}/settle`, { token: service_key, body })
    expect(answer, JSON.stringify(use)).toMatchObject({ code: 'organization_not_found', status: 404 })
    expect(await Tollgate.settle(body)).toMatchObject({ code: 'ORGANIZATION_NOT_FOUND' })
  }
  const { body } = await call(`${USAGE}/settle`, { token, body: { reservation_id, cancel: true } })
  expect(body).toEqual({ outcome: 'canceled', released: true })
})

test('a bound Worker cannot read quotas of the platform organization', async () => {
  expect(await Tollgate.getQuotas({ organization_id })).toMatchObject({ code: 'PLATFORM_ORGANIZATION' })
})
