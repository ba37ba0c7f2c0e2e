import { describe, expect, inject, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser } from '../../../support/http.ts'
import { ago, newReporter, UNKNOWN, USAGE } from '../../../support/usage-reports.ts'

const { service_key } = inject('credentials')
const { sql } = directly()
const { holder, report, fresh, stored } = await newReporter()
const { keyId, organizationId } = holder

describe('POST /api/v1/usage: a batch', () => {
  test.each([
    ['nothing', {}, 'body.events'],
    ['no list', { events: {} }, 'body.events'],
    ['an empty list', { events: [] }, 'body.events'],
    ['1,001 events', { events: Array.from({ length: 1_001 }, () => ({})) }, 'body.events'],
    ['another durability', { events: [{}], durability: 'async' }, 'body.durability'],
  ])('of %s is refused as a whole', async (_, body, path) => {
    const answer = await call(USAGE, { token: service_key, body })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ path }] } })
  })

  test('has up to 1,000 events and up to 1 MB', async () => {
    const events = Array.from({ length: 1_000 }, () => ({ ...fresh(), metadata: { note: 'x'.repeat(500) } }))
    expect((await report(events)).body).toMatchObject({ accepted: 1_000, rejected: [] })
    const text = JSON.stringify({ events: [fresh()] })
    const sized = (bytes: number) => call(USAGE, { token: service_key, body: text.padEnd(bytes) })
    expect((await sized(1_048_576)).status).toBe(200)
    expect((await sized(1_048_577)).status).toBe(413)
  })

  test('may be nested arbitrarily deep without effect', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const body = `{"events":[{"key_id":"${keyId}","metadata":{"a":${deep}}},${deep},{"key_id":"${keyId}"}]}`
    const answer = await call(USAGE, { token: service_key, body })
    expect(answer).toMatchObject({
      status: 200,
      body: { accepted: 2, rejected: [{ index: 1 }], warnings: [{ index: 0, field: 'metadata', code: 'left_out' }] },
    })
  })
})

describe('POST /api/v1/usage: CloudEvents', () => {
  const send = (type: string, body: unknown, query = '') =>
    call(`${USAGE}${query}`, { token: service_key, body, headers: { 'Content-Type': type } })
  const envelope = (more: Record<string, unknown> = {}) => ({
    specversion: '1.0',
    id: crypto.randomUUID(),
    source: '/answers/7',
    type: 'com.example.answer',
    subject: keyId,
    data: { queries: 3 },
    ...more,
  })

  test('come alone: their time, and their subject as the key or organization', async () => {
    const time = ago(5_000)
    const one = envelope({ time })
    expect(await send('application/cloudevents+json; charset=utf-8', one)).toMatchObject({
      status: 200,
      body: { accepted: 1 },
    })
    const row = await stored(`${one.source} ${one.id}`)
    expect([new Date(row?.occurred_at).toISOString(), row?.key_id, Number(row?.queries)]).toEqual([time, keyId, 3])
    const ofOrganization = envelope({ subject: organizationId })
    expect((await send('application/cloudevents+json', ofOrganization)).body).toMatchObject({ accepted: 1 })
    expect((await stored(`${ofOrganization.source} ${ofOrganization.id}`))?.key_id).toBeNull()
  })

  test('come as a list, where source and id together identify them', async () => {
    const one = envelope()
    const events = [
      one,
      one,
      { ...one, source: '/answers/8' },
      { ...one, data: { queries: 4 } },
      envelope({ subject: 'chat', data: { key_id: keyId } }),
    ]
    expect((await send('application/cloudevents-batch+json', events)).body).toEqual({
      accepted: 3,
      duplicates: 1,
      conflicts: [{ index: 3, id: one.id }],
      rejected: [],
    })
  })

  test('are listed page by page, however long their source and id are', async () => {
    const { organizationId: subject, token } = await newKeyHolder()
    const source = `/${'s'.repeat(254)}`
    const long = [1, 2, 3].map((digit) => envelope({ subject, source, id: String(digit).repeat(255) }))
    expect((await send('application/cloudevents-batch+json', long)).body).toMatchObject({ accepted: 3 })
    const list = (more = '') => call(`GET /api/v1/usage/events?limit=1${more}`, { token })
    const first = await list()
    expect((await list(`&cursor=${first.body.next_cursor}`)).body.data).toHaveLength(1)
  })

  test('are rejected one by one if they are malformed, naming the attribute', async () => {
    const bad = [
      ['specversion', envelope({ specversion: '0.3' })],
      ['source', envelope({ source: 'with space' })],
      ['data', envelope({ data: 'text' })],
      ['datacontenttype', envelope({ datacontenttype: 'application/xml' })],
      ['timestamp', envelope({ time: 'yesterday' })],
      ['queries', envelope({ data: { queries: -1 } })],
      ['No such API key', envelope({ subject: UNKNOWN })],
    ] as const
    const { status, body } = await send(
      'application/cloudevents-batch+json',
      bad.map(([, event]) => event),
    )
    expect([status, body.accepted]).toEqual([200, 0])
    for (const [index, [what, event]] of bad.entries()) {
      expect(body.rejected[index]).toMatchObject({ index, id: event.id })
      expect(body.rejected[index].detail).toContain(what)
    }
  })

  test.each([
    ['application/cloudevents+json', '{', 400],
    ['application/cloudevents-batch+json', '{}', 400],
    ['application/cloudevents-batch+json', '[]', 400],
    ['application/cloudevents+xml', '<event/>', 415],
    ['text/plain', '{}', 415],
  ])('as %s: %s is %d', async (type, body, status) => {
    expect((await send(type, body)).status).toBe(status)
  })
})

describe('POST /api/v1/usage: who may report', async () => {
  const reporter = await newKeyHolder({ scopes: ['tollgate:usage:write'] }, holder)
  const other = await newKeyHolder()

  test.each([
    ['a key with the scope', reporter.key],
    ['an owner', holder.token],
  ])('%s: for their own organization, and for no other', async (_, token) => {
    const { status, body } = await report(
      [
        {},
        { key_id: keyId },
        { organization_id: organizationId },
        { key_id: other.keyId },
        { key_id: UNKNOWN },
        { organization_id: other.organizationId },
        { organization_id: UNKNOWN },
        { key_id: keyId, organization_id: other.organizationId },
      ],
      token,
    )
    expect([status, body.accepted]).toEqual([200, 3])
    const [otherKey, unknownKey, otherOrganization, unknownOrganization] = body.rejected
    expect(otherKey).toEqual({ ...unknownKey, index: 3 })
    expect(otherOrganization).toEqual({ ...unknownOrganization, index: 5 })
    expect(body.rejected.map(({ code }: { code: string }) => code)).toEqual([
      'key_not_found',
      'key_not_found',
      'organization_not_found',
      'organization_not_found',
      'organization_not_found',
    ])
  })

  test('not a key without the scope, a viewer, or an anonymous caller', async () => {
    expect(await report([{}], holder.key)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const wildcard = await newKeyHolder({ scopes: ['*'] }, holder)
    expect((await report([{}], wildcard.key)).status).toBe(403)
    expect((await report([{}], 'ck_live_nonsense')).status).toBe(401)
    expect((await call(USAGE, { body: { events: [{}] } })).status).toBe(401)
    const viewer = await newUser()
    await sql.query(`update memberships set role = 'viewer' where user_id = $1`, [viewer.user.id])
    expect((await report([{}], viewer.token)).status).toBe(403)
  })

  test('not a service key without its scope, and the response names the scope', async () => {
    const token = await administrator()
    const fields = { name: 'Verifies only', scopes: ['platform:verify'] }
    const { body: verifier } = await call('POST /api/v1/auth/api-keys', { token, body: fields })
    expect(await report([{}], verifier.key)).toMatchObject({
      status: 403,
      body: { detail: 'The key needs the scope platform:usage.' },
    })
    await call(`DELETE /api/v1/auth/api-keys/${verifier.id}`, { token })
  })

  test('not in the name of another organization', async () => {
    const asked = `${USAGE}?organization_id=${other.organizationId}`
    expect(await call(asked, { token: reporter.key, body: { events: [{}] } })).toMatchObject({
      status: 404,
      body: { code: 'organization_not_found' },
    })
  })
})
