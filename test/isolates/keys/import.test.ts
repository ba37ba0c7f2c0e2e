import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../../src/lib/bytes.ts'
import { newKey } from '../../../src/verification/key-format.ts'
import { directly } from '../../support/direct.ts'
import { failFor } from '../../support/faults.ts'
import { call, newUser, setLimits } from '../../support/http.ts'
import { countTrips, newIsolate } from '../../support/isolate.ts'
import { workerWith } from '../../support/variant.ts'

const IMPORT = 'POST /api/v1/auth/api-keys/import'
const IMPORTED_KEYS = { IMPORTED_KEYS: 'true' }
const worker = workerWith(IMPORTED_KEYS)
const owner = await newUser()
const organizationId = owner.user.organization_id as string
await setLimits(organizationId, { max_api_keys: 10_000 })

let count = 0
const foreignKey = () => `sk_${Date.now()}-${count++}.${crypto.randomUUID()}/+=~`
const itemFor = (key: string, more: Record<string, unknown> = {}) => ({ hash: sha256Hex(key), name: 'Old', ...more })
const send = (keys: unknown, token = owner.token) =>
  worker.call(IMPORT, { keys }, undefined, { Authorization: `Bearer ${token}` })
const base64 = (hex: string) =>
  btoa(String.fromCharCode(...(hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16))))

test('a retry returns what was imported if the response was lost after the commit', async () => {
  const key = foreignKey()
  const { token } = await newUser()
  const headers = { Authorization: `Bearer ${token}`, 'Idempotency-Key': crypto.randomUUID() }
  const name = `lost ${crypto.randomUUID()}` // the fault is only for this insert: other tests insert keys at the same time
  const attempt = () => worker.call(IMPORT, { keys: [itemFor(key, { name })] }, undefined, headers)
  await failFor(name, { door: 'sql', kind: 'reset_after', count: 1 })
  expect((await attempt()).status).toBe(503)
  expect((await attempt()).body).toMatchObject({ imported: 1, duplicates: 0 })
})

describe('importing keys', () => {
  test("accepts hashes in hex and base64, keeps each key's fields, and the keys verify", async () => {
    const [one, two, three] = [foreignKey(), foreignKey(), foreignKey()]
    const hash = base64(sha256Hex(two))
    const urlSafe = base64(sha256Hex(three)).replaceAll('+', '-').replaceAll('/', '_').replace('=', '')
    const fields = {
      name: 'Reports',
      description: 'From before',
      environment: 'test',
      scopes: ['reports:read', 'a "quoted", {odd} one'.replace(/\W+/g, '-')],
      expires_at: '2099-01-01T00:00:00.000Z',
      custom_rate_limit: 12,
      allowed_ips: ['192.0.2.0/24'],
      metadata: { customer: 42 },
    }
    const { status, body } = await send([
      itemFor(one, { ...fields, hint: 'sk_1…+=~', prefix: 'sk' }),
      itemFor(two, { hash }),
      itemFor(three, { hash: urlSafe }),
    ])
    expect(status).toBe(200)
    expect(body).toMatchObject({ imported: 3, duplicates: 0 })
    expect(body.results.map(({ index, status }: any) => [index, status])).toEqual(
      [0, 1, 2].map((at) => [at, 'imported']),
    )
    const { body: shown } = await call(`GET /api/v1/auth/api-keys/${body.results[0].id}`, { token: owner.token })
    expect(shown).toMatchObject({ ...fields, key_hint: 'sk_1…+=~', key_prefix: 'sk', created_by: owner.user.id })
    const isolate = await newIsolate(IMPORTED_KEYS)
    expect(await isolate.verify(one, { ip: '192.0.2.1', scopes: ['reports:read'] })).toMatchObject({
      code: 'VALID',
      key_id: body.results[0].id,
      ratelimit: { limit: 12 },
      metadata: { customer: 42 },
    })
    for (const key of [two, three])
      expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', environment: 'live' })
    await isolate.settled()
    expect(
      await directly().sql.query(
        "select detail from audit_logs where organization_id = $1 and action = 'key.imported' order by id",
        [organizationId],
      ),
    ).toEqual([{ detail: { keys: 3 } }])
  })

  test('again changes nothing and says so, within one request and across organizations', async () => {
    const [key, other] = [foreignKey(), foreignKey()]
    const { body: first } = await send([itemFor(key)])
    const { body: again } = await send([itemFor(key), itemFor(other), itemFor(other, { name: 'Twice' })])
    const [known, fresh] = [first.results[0].id, again.results[1].id]
    expect(again).toEqual({
      imported: 1,
      duplicates: 2,
      results: [
        { index: 0, status: 'duplicate', id: known },
        { index: 1, status: 'imported', id: fresh },
        { index: 2, status: 'duplicate', id: fresh },
      ],
    })
    const stranger = await newUser()
    expect((await send([itemFor(key)], stranger.token)).body.results).toEqual([
      { index: 0, status: 'duplicate', id: null },
    ])
    expect((await call('GET /api/v1/auth/api-keys', { token: stranger.token })).body.data).toEqual([])
  })

  test('by five concurrent requests, in different orders, stores each key once', async () => {
    const { token, user } = await newUser()
    await setLimits(user.organization_id, { max_api_keys: 40 })
    const items = Array.from({ length: 40 }, () => itemFor(foreignKey()))
    const answers = await Promise.all(
      [items, items.toReversed(), items.slice(20), items.slice(0, 20), items].map((list) => send(list, token)),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(answers.reduce((sum, { body }) => sum + body.imported, 0)).toBe(40)
  })

  test('imports all or none if the plan’s number of keys would be exceeded', async () => {
    const { token, user } = await newUser()
    await setLimits(user.organization_id, { max_api_keys: 3 })
    const [kept] = [itemFor(foreignKey())]
    const items = (length: number) => Array.from({ length }, () => itemFor(foreignKey()))
    expect((await send([kept], token)).status).toBe(200)
    expect(await send([kept, ...items(3)], token)).toMatchObject({ status: 403, body: { code: 'key_limit_reached' } })
    expect((await call('GET /api/v1/auth/api-keys', { token })).body.data).toHaveLength(1)
    expect((await send([kept, ...items(2)], token)).body).toMatchObject({ imported: 2, duplicates: 1 })
    const two = await Promise.all([send(items(1), token), send([kept], token)])
    expect(two.map(({ status }) => status)).toEqual([403, 200])
  })

  test('is allowed to owners and admins, and to keys with that scope', async () => {
    const person = await newUser()
    const become = (role: string) =>
      directly().sql.query('update memberships set role = $1 where user_id = $2', [role, person.user.id])
    await become('member')
    expect(await send([itemFor(foreignKey())], person.token)).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
    await become('admin')
    expect((await send([itemFor(foreignKey())], person.token)).status).toBe(200)
    for (const [scope, status] of [
      ['tollgate:keys:write', 403],
      ['tollgate:keys:import', 200],
    ] as const) {
      const { body } = await call('POST /api/v1/auth/api-keys', {
        token: owner.token,
        body: { name: 'x', scopes: [scope] },
      })
      expect((await send([itemFor(foreignKey())], body.key)).status).toBe(status)
    }
  })

  test('grants nobody more than the importer has', async () => {
    const wishes: [Record<string, unknown>, string][] = [
      [{ scopes: ['platform:verify'] }, 'forbidden'],
      [{ custom_rate_limit: 61 }, 'rate_limit_above_plan'],
      [{ expires_at: '2020-01-01T00:00:00Z' }, 'invalid_request'],
    ]
    for (const [wish, code] of wishes) {
      const { body } = await send([itemFor(foreignKey()), itemFor(foreignKey(), wish)])
      expect(body.code).toBe(code)
      if (code === 'invalid_request') expect(body.errors[0].path).toBe('body.keys.1.expires_at')
    }
  })

  test.each<[string, unknown, string]>([
    ['no key', [], 'keys'],
    ['1,001 keys', Array.from({ length: 1_001 }, () => ({ hash: 'a'.repeat(64), name: 'x' })), 'keys'],
    ['no hash', [{ name: 'x' }], 'keys.0.hash'],
    ['a hash too short', [{ hash: 'a'.repeat(63), name: 'x' }], 'keys.0.hash'],
    ['a hash that is no hex', [{ hash: 'g'.repeat(64), name: 'x' }], 'keys.0.hash'],
    ['base64 of 33 bytes', [{ hash: btoa('x'.repeat(33)), name: 'x' }], 'keys.0.hash'],
    ['base64 with bits to spare', [{ hash: `${'A'.repeat(42)}B=`, name: 'x' }], 'keys.0.hash'],
    ['the key in place of its hash', [{ hash: newKey('ck', 'live'), name: 'x' }], 'keys.0.hash'],
  ])('refuses %s by name', async (_, keys, path) => {
    const { status, body } = await send(keys)
    expect(status).toBe(400)
    expect(body.errors.map((one: { path: string }) => one.path)).toContain(`body.${path}`)
  })

  test('is disabled unless the deployment enables it', async () => {
    const answer = await call(IMPORT, { token: owner.token, body: { keys: [itemFor(foreignKey())] } })
    expect(answer).toMatchObject({ status: 403, body: { code: 'imports_disabled' } })
  })

  test('accepts a key in Tollgate’s own format, and its rotation returns one in the deployment’s format', async () => {
    const [own, foreign] = [newKey('zz', 'live'), foreignKey()]
    const { body } = await send([itemFor(own), itemFor(foreign, { prefix: 'Not_Ours' })])
    const isolate = await newIsolate()
    expect(await isolate.verify(own)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
    const rotated = await call(`POST /api/v1/auth/api-keys/${body.results[1].id}/rotate`, { token: owner.token })
    expect(rotated.body.key).toMatch(/^ck_live_/)
  })
})

describe('looking up keys of another form', () => {
  const wrongChecksum = newKey('ck', 'live').slice(0, -1)
  const typo = [`${wrongChecksum}0`, `${wrongChecksum}1`]

  test('queries nothing for a wrong checksum or an impossible key, even if keys were imported', async () => {
    const isolate = await newIsolate(IMPORTED_KEYS)
    const impossible = ['short', 'x'.repeat(15), 'with a space in it', 'ünprintable-in-ascii', `tab\t${'x'.repeat(20)}`]
    const trips = await countTrips(async () => {
      for (const key of impossible) expect(await isolate.verify(key)).toMatchObject({ code: 'NOT_FOUND' })
      const codes = await Promise.all(typo.map((key) => isolate.verify(key)))
      expect(codes.map(({ code }) => code)).toContain('NOT_FOUND')
    })
    expect(trips.redis).toBe(0)
    expect(trips.sql).toBeLessThanOrEqual(1) // one of the two may be right by chance
  })

  test('queries once for an unknown key, however often it is tried, and never if none are imported', async () => {
    const key = foreignKey()
    const isolate = await newIsolate(IMPORTED_KEYS)
    const trips = await countTrips(() => Promise.all(Array.from({ length: 10 }, () => isolate.verify(key))))
    const again = await countTrips(async () => expect(await isolate.verify(key)).toMatchObject({ code: 'NOT_FOUND' }))
    expect([trips, again]).toEqual([
      { sql: 1, redis: 0 },
      { sql: 0, redis: 0 },
    ])
    const other = await newIsolate()
    expect(await countTrips(() => other.verify(key))).toEqual({ sql: 0, redis: 0 })
  })
})
