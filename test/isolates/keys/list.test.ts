import { describe, expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { call, eventually, newKeyHolder, newUser, setLimits } from '../../support/http.ts'
import { countTrips, newIsolate } from '../../support/isolate.ts'

const KEYS = '/api/v1/auth/api-keys'

describe('a list of keys, narrowed', async () => {
  const { token, user } = await newUser()
  const organizationId = user.organization_id as string
  await setLimits(organizationId, { max_api_keys: 100 })
  const colleague = await newUser()
  await directly().sql.query("insert into memberships (organization_id, user_id, role) values ($1, $2, 'member')", [
    organizationId,
    colleague.user.id,
  ])
  const issue = async (name: string, fields = {}, by = token) =>
    (await call(`POST ${KEYS}`, { token: by, body: { name, organization_id: organizationId, ...fields } })).body
  const list = async (query: string) => {
    const { status, body } = await call(`GET ${KEYS}?${query}`, { token })
    expect(status, JSON.stringify(body)).toBe(200)
    return body.data.map(({ name }: { name: string }) => name).toSorted()
  }

  const plain = await issue('plain')
  await issue('of a test', { environment: 'test', description: '100 % covered\\done' })
  await issue('with scopes', { scopes: ['reports:read', 'answers:*'] })
  await issue('by a colleague', {}, colleague.token)
  const [off, expired, revoked, grace] = [
    await issue('off'),
    await issue('expired'),
    await issue('revoked'),
    await issue('in grace'),
  ]
  await call(`PATCH ${KEYS}/${off.id}`, { token, body: { is_active: false } })
  await call(`DELETE ${KEYS}/${revoked.id}`, { token })
  await call(`POST ${KEYS}/${grace.id}/rotate`, { token, body: { grace_period_seconds: 600 } })
  // revoked takes precedence, and so does disabled
  await directly().sql.query('update api_keys set expires_at = now() where id = any($1::uuid[])', [
    [expired.id, revoked.id],
  ])

  const ACTIVE = ['by a colleague', 'in grace', 'in grace', 'of a test', 'plain', 'with scopes']

  test.each<[string, string[]]>([
    ['status=active', ACTIVE],
    ['status=disabled', ['off']],
    ['status=expired', ['expired']],
    ['status=revoked', ['revoked']],
    ['environment=test', ['of a test']],
    ['scope=reports:read', ['with scopes']],
    ['scope=answers:read', []],
    [`created_by=${colleague.user.id}`, ['by a colleague']],
    ['search=PLAIN', ['plain']],
    ['search=100%20%25', ['of a test']],
    ['search=%25', ['of a test']],
    ['search=_', []],
    ['search=%5C', ['of a test']],
    ['status=active&environment=live&search=with', ['with scopes']],
    [`search=${encodeURIComponent(plain.key_hint.slice(-7))}`, ['plain']], // of the hint two characters, … and four
  ])('by %s shows %j', async (query, names) => {
    // every hint has underscores: a search for one finds all hints, and not any single character
    expect(await list(query)).toEqual(query === 'search=_' ? (await list('')).toSorted() : names)
  })

  test('pages like the full list', async () => {
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await call(`GET ${KEYS}?status=active&limit=4${cursor && `&cursor=${cursor}`}`, { token })
      seen.push(...body.data.map(({ name }: { name: string }) => name))
      cursor = body.next_cursor
    } while (cursor)
    expect(seen.toSorted()).toEqual(ACTIVE)
  })

  test.each([
    'status=gone',
    'environment=prod',
    'created_by=me',
    'search=',
    'search=%00',
    `search=${'x'.repeat(101)}`,
    'scope=',
  ])('by %s is refused', async (query) => {
    expect((await call(`GET ${KEYS}?${query}`, { token })).status).toBe(400)
  })
})

test("a key's last use is recorded without a write per request", async () => {
  const { key, keyId, token } = await newKeyHolder({ scopes: ['reports:*'] })
  const isolate = await newIsolate()
  const trips = await countTrips(async () => {
    await isolate.verify(key, { scopes: ['reports:read'] })
    await Promise.all(Array.from({ length: 19 }, () => isolate.verify(key)))
    await isolate.settled()
  })
  expect(trips.sql).toBeLessThanOrEqual(10) // the key's row, and batches of usage: more of them on a busy machine
  const read = async () => (await call(`GET ${KEYS}/${keyId}`, { token })).body
  const shown = await eventually(read, ({ total_requests }) => total_requests === 20)
  expect(Math.abs(Date.parse(shown.last_used_at) - Date.now())).toBeLessThan(60_000)
  const [first] = (await call(`GET ${KEYS}`, { token })).body.data
  expect([first.total_requests, first.last_used_at]).toEqual([20, shown.last_used_at])
  expect(await directly().sql.query('select version from api_keys where id = $1', [keyId])).toEqual([{ version: 1 }])
})
