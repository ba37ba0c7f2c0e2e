import { describe, expect, inject, test } from 'vitest'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { type Answer, call, newUser, setLimits, verify } from '../../support/http.ts'

const KEYS = '/api/v1/auth/api-keys'
const FIELDS = [
  'allowed_ips',
  'client_id',
  'created_at',
  'created_by',
  'custom_rate_limit',
  'description',
  'environment',
  'expires_at',
  'id',
  'is_active',
  'key_hint',
  'key_prefix',
  'last_used_at',
  'leaked_at',
  'limits',
  'max_concurrent',
  'metadata',
  'name',
  'organization_id',
  'replaced_by',
  'revoked_at',
  'rotated_from',
  'scopes',
  'total_requests',
]

const owner = await newUser()
const organizationId = owner.user.organization_id as string
await setLimits(organizationId, { max_api_keys: 1_000, rate_limit_per_minute: 10_000 })
const stranger = await newUser()

const issue = (fields: Record<string, unknown> = {}, token = owner.token) =>
  call(`POST ${KEYS}`, { token, body: { name: 'Key of a test', ...fields } })
const list = (query = '', token = owner.token) => call(`GET ${KEYS}${query}`, { token })
const pathsOf = ({ body }: Answer) => body.errors.map(({ path }: { path: string }) => path)

describe('POST /api/v1/auth/api-keys', () => {
  test('the key appears once, in the response, with all its properties but its hash', async () => {
    const { status, body, headers } = await issue()
    expect(status).toBe(201)
    expect(headers.get('Cache-Control')).toContain('no-store')
    expect(Object.keys(body).toSorted()).toEqual([...FIELDS, 'key'].toSorted())
    expect(body.key).toMatch(/^ck_live_[0-9A-Za-z]{40,60}$/)
    expect(body).toMatchObject({
      name: 'Key of a test',
      description: null,
      environment: 'live',
      key_prefix: 'ck',
      scopes: [],
      is_active: true,
      expires_at: null,
      revoked_at: null,
      custom_rate_limit: null,
      allowed_ips: null,
      metadata: {},
      total_requests: 0,
      last_used_at: null,
      organization_id: organizationId,
      created_by: owner.user.id,
    })
    expect(body.key_hint.length).toBeLessThan(20)
    expect((await verify(body.key)).body).toMatchObject({ valid: true, key_id: body.id })

    const read = [await call(`GET ${KEYS}/${body.id}`, { token: owner.token }), await list()]
    expect(Object.keys(read[0]?.body).toSorted()).toEqual(FIELDS)
    expect(JSON.stringify(read)).not.toContain(body.key.slice(-20))
  })

  test('neither key nor hash is in any response, and only the hash is in the database', async () => {
    const { body } = await issue({ description: 'Find me' })
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body.key))
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    const [row] = await directly().sql.query('select k::text as row from api_keys k where id = $1', [body.id])
    expect(row?.row).toContain(hex)
    expect(row?.row).not.toContain(body.key.slice(8))
    const answers = [body, (await list()).body, (await verify(body.key)).body]
    for (const text of answers.map((answer) => JSON.stringify(answer))) expect(text).not.toContain(hex)
  })

  test('fields are returned as they were set', async () => {
    const fields = {
      name: 'Reports 😀',
      description: 'For the nightly reports',
      prefix: 'pk',
      environment: 'test',
      scopes: ['reports:read', 'answers:*'],
      expires_at: '2099-01-01T00:00:00.000Z',
      custom_rate_limit: 30,
      allowed_ips: ['203.0.113.7', '2001:db8::/32'],
      metadata: { team: 'blue', nested: { deep: [1, null, 'x'] } },
    }
    const { status, body } = await issue(fields)
    expect(status).toBe(201)
    const { prefix, ...same } = fields
    expect(body).toMatchObject({ ...same, key_prefix: prefix })
    expect(body.key).toMatch(/^pk_test_/)
  })

  test('the other name of the route does the same', async () => {
    const { status, body } = await call(`POST ${KEYS}/generate`, { token: owner.token, body: { name: 'By the other' } })
    expect(status).toBe(201)
    expect((await verify(body.key)).body.name).toBe('By the other')
  })

  test('two keys have nothing in common but their form', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, async () => (await issue()).body.key.slice(8) as string))
    expect(new Set(keys).size).toBe(20)
    expect(new Set(keys.map((key) => key.slice(0, 6))).size).toBe(20)
  })

  test('fields that only Tollgate sets cannot be sent', async () => {
    const wishes = {
      id: crypto.randomUUID(),
      key: 'ck_live_mine',
      key_hash: 'abc',
      total_requests: 99,
      created_by: stranger.user.id,
      created_at: '2001-01-01T00:00:00Z',
      is_platform: true,
      version: 7,
    }
    const { status, body } = await issue(wishes)
    expect([201, 400]).toContain(status)
    if (status === 201) {
      expect(body).toMatchObject({ total_requests: 0, created_by: owner.user.id })
      for (const field of ['id', 'key', 'created_at'] as const) expect(body[field]).not.toBe(wishes[field])
    }
  })
})

describe('POST /api/v1/auth/api-keys: a field of a new key', () => {
  const soon = () => new Date(Date.now() + 60_000).toISOString()

  test.each<[string, unknown]>([
    ['name', undefined],
    ['name', ''],
    ['name', 'n'.repeat(101)],
    ['name', 'nul\u0000'],
    ['description', 'd'.repeat(501)],
    ['prefix', 'p'],
    ['prefix', 'ninechars'],
    ['prefix', 'Upper'],
    ['prefix', '1st'],
    ['prefix', 'a_b'],
    ['environment', 'production'],
    ['scopes', 'reports:read'],
    ['scopes.0', [42]],
    ['scopes.0', ['']],
    ['scopes.0', ['white space']],
    ['scopes', Array.from({ length: 51 }, (_, count) => `scope:${count}`)],
    ['expires_at', 'tomorrow'],
    ['expires_at', 1_795_000_000],
    ['expires_at', '2020-01-01T00:00:00Z'],
    ['custom_rate_limit', 0],
    ['custom_rate_limit', -1],
    ['custom_rate_limit', 1.5],
    ['custom_rate_limit', '60'],
    ['custom_rate_limit', 2 ** 53],
    ['allowed_ips', []],
    ['allowed_ips.0', ['not an address']],
    ['allowed_ips.0', ['203.0.113.7/33']],
    ['allowed_ips.0', ['256.0.0.1']],
    ['metadata', []],
    ['metadata', 'x'],
    ['organization_id', 42],
  ])('%s as %j is refused by name', async (path, value) => {
    const answer = await issue({ [path.split('.')[0] ?? path]: value })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(pathsOf(answer)).toContain(`body.${path}`)
  })

  test.each<[string, unknown]>([
    ['name', 'n'.repeat(100)],
    ['description', 'd'.repeat(500)],
    ['prefix', 'ab'],
    ['prefix', 'a2345678'],
    ['scopes', Array.from({ length: 50 }, (_, count) => `scope:${count}`)],
    ['expires_at', soon()],
    ['custom_rate_limit', 1],
  ])('%s as %j is just within its bounds', async (path, value) => {
    expect((await issue({ [path]: value })).status).toBe(201)
  })

  test.each(['platform:verify', 'platform:usage', 'platform:*', '*', 'PLATFORM:verify'])(
    'scope %s belongs to the operator and gives a customer nothing',
    async (scope) => {
      const { status, body } = await issue({ scopes: [scope] })
      expect([201, 400, 403]).toContain(status)
      if (scope.startsWith('platform:')) expect(status).not.toBe(201)
      if (status !== 201) return
      const answer = await call('POST /api/v1/keys/verify', { token: body.key, body: { key: body.key } })
      expect([401, 403]).toContain(answer.status)
    },
  )
})

describe('GET /api/v1/auth/api-keys, /auth/api-keys/{id}', () => {
  test('pages by cursor show each key once, newest first, and then end', async () => {
    const { token } = await newUser()
    const issued: string[] = []
    for (let count = 0; count < 7; count++) issued.push((await issue({ name: `Key ${count}` }, token)).body.id)
    const seen: string[] = []
    let cursor = ''
    for (let page = 0; page < 4; page++) {
      const { status, body } = await list(`?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, token)
      expect(status).toBe(200)
      seen.push(...body.data.map(({ id }: { id: string }) => id))
      if (page === 1) await issue({ name: 'Made meanwhile' }, token)
      expect(body.next_cursor === null).toBe(page === 3)
      cursor = body.next_cursor
    }
    expect(seen).toEqual(issued.toReversed())
  })

  test.each(['nonsense', '', '%00', 'eyJ9', 'A'.repeat(201), "'%20or%201=1--", btoa('{"id":1}')])(
    'a cursor "%s" that no page returned is a 400',
    async (cursor) => {
      expect(await list(`?cursor=${cursor}`)).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    },
  )

  test.each(['0', '-1', '1.5', 'x', '', '101', '1e9', 'NaN'])('a limit of "%s" is a 400', async (limit) => {
    expect((await list(`?limit=${limit}`)).status).toBe(400)
  })

  test.each(['1', '100'])('a limit of %s is within its bounds', async (limit) => {
    expect((await list(`?limit=${limit}`)).status).toBe(200)
  })

  test("another organization's key gets the same response as an unknown one, and survives", async () => {
    const { body: theirs } = await issue()
    for (const method of ['GET', 'DELETE']) {
      const unknown = await call(`${method} ${KEYS}/01900000-0000-7000-8000-000000000000`, { token: stranger.token })
      const foreign = await call(`${method} ${KEYS}/${theirs.id}`, { token: stranger.token })
      expect(unknown).toMatchObject({ status: 404, body: { code: 'key_not_found' } })
      expect(foreign.status).toBe(404)
      expect(withoutRequestId(foreign.body)).toEqual(withoutRequestId(unknown.body))
    }
    expect((await verify(theirs.key)).body.valid).toBe(true)
    expect((await list('', stranger.token)).body).toEqual({ data: [], next_cursor: null })
  })

  test("another organization's id gets the same response as an unknown one, in query and body", async () => {
    const unknownId = '01900000-0000-7000-8000-000000000000'
    const asked = (id: string) =>
      Promise.all([
        list(`?organization_id=${id}`, stranger.token),
        issue({ organization_id: id }, stranger.token),
        list(`?organization_id=${stranger.user.organization_id}&organization_id=${id}`, stranger.token),
      ])
    const [foreign, unknown] = await Promise.all([asked(organizationId), asked(unknownId)])
    for (const [at, answer] of foreign.slice(0, 2).entries()) {
      expect(answer.status).toBe(404)
      expect(withoutRequestId(answer.body)).toEqual(withoutRequestId(unknown[at]?.body ?? {}))
    }
    expect(JSON.stringify(foreign[2]?.body)).not.toContain(organizationId)
  })

  test.each(['nonsense', '1', '%00', "'--", '..%2f..'])('a malformed id "%s" is 400 or 404', async (id) => {
    for (const method of ['GET', 'DELETE']) {
      expect([400, 404]).toContain((await call(`${method} ${KEYS}/${id}`, { token: owner.token })).status)
    }
  })
})

describe('DELETE /api/v1/auth/api-keys/{id}', () => {
  test('a revoked key is refused at the next verification, stays readable, and stays revoked if revoked again', async () => {
    const { body: key } = await issue()
    expect((await verify(key.key)).body.code).toBe('VALID')
    expect(await call(`DELETE ${KEYS}/${key.id}`, { token: owner.token })).toMatchObject({ status: 204, body: '' })
    expect((await verify(key.key)).body).toMatchObject({ valid: false, code: 'REVOKED' })
    const { body } = await call(`GET ${KEYS}/${key.id}`, { token: owner.token })
    expect(body).toMatchObject({ is_active: false, revoked_at: expect.any(String) })
    expect([204, 404]).toContain((await call(`DELETE ${KEYS}/${key.id}`, { token: owner.token })).status)
    expect((await call(`GET ${KEYS}/${key.id}`, { token: owner.token })).body.revoked_at).toBe(body.revoked_at)
  })

  test("it frees one of the organization's keys", async () => {
    const { token, user } = await newUser()
    await setLimits(user.organization_id, { max_api_keys: 1 })
    const { body: first } = await issue({}, token)
    expect(await issue({}, token)).toMatchObject({ status: 403, body: { code: 'key_limit_reached' } })
    await call(`DELETE ${KEYS}/${first.id}`, { token })
    expect((await issue({}, token)).status).toBe(201)
  })

  test('a stranger cannot revoke the demo key of the seed', async () => {
    expect((await verify(inject('credentials').api_key)).body.valid).toBe(true)
  })
})
