import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'
import { addMember, create, ORGANIZATIONS, switchTo } from '../../support/organizations.ts'

const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const { sql } = directly()

const list = async (token: string, query = '') => (await call(`GET ${ORGANIZATIONS}?${query}`, { token })).body
const get = (id: string, token: string) => call(`GET ${ORGANIZATIONS}/${id}`, { token })
const change = (id: string, token: string, body: unknown) => call(`PATCH ${ORGANIZATIONS}/${id}`, { token, body })
const me = async (token: string) => (await call('GET /api/v1/auth/me', { token })).body
const claimsOf = (accessToken: string) => JSON.parse(atob(accessToken.split('.')[1] ?? ''))
const actsOf = async (organizationId: string) =>
  (await sql.query('select action from audit_logs where organization_id = $1 order by id', [organizationId])).map(
    ({ action }) => action,
  )

describe('creating an organization', () => {
  test('makes its creator the owner, and leaves their token unchanged', async () => {
    const { token, user } = await newUser()
    const slug = `u-1-${user.id.slice(-12)}`
    const { status, body } = await create(token, { name: 'Ünder & Söhne', slug })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.any(String),
      name: 'Ünder & Söhne',
      slug,
      external_id: null,
      plan: 'free',
      role: 'owner',
      is_personal: false,
      is_active: false,
      requires_two_factor: false,
      suspended_at: null,
      member_count: 1,
      created_at: expect.any(String),
    })
    expect(await actsOf(body.id)).toEqual(['organization.created'])
    const { data } = await list(token)
    expect(data.map(({ id }: { id: string }) => id)).toEqual([body.id, user.organization_id])
    expect(data.map((one: any) => [one.is_active, one.is_personal])).toEqual([
      [false, false],
      [true, true],
    ])
  })

  test('gives it a unique slug of at most 40 characters if none was requested', async () => {
    const { token } = await newUser()
    const slugs = []
    for (const name of ['Ünder & Söhne', 'Ünder & Söhne', '東京', `${'a'.repeat(31)} b`, 'x'.repeat(200)]) {
      slugs.push((await create(token, { name })).body.slug)
    }
    expect(new Set(slugs).size).toBe(5)
    for (const slug of slugs) expect(slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(slugs.filter((slug) => slug.length < 3 || slug.length > 40)).toEqual([])
    expect(slugs[2]).toMatch(/^org-/)
  })

  test.each(['ab', 'x'.repeat(41), 'Upper', '-a-b', 'ab-', 'a--b', 'a b', 'ä-ö', 'a_b', ''])(
    'refuses %j as a slug by name',
    async (slug) => {
      const { token } = await owner
      const { status, body } = await create(token, { name: 'Name', slug })
      expect([status, body.errors?.[0]?.path]).toEqual([400, 'body.slug'])
    },
  )

  test('accepts slugs of 3 and of 40 characters, and gives a slug to one of ten concurrent requests', async () => {
    const { token } = await newUser()
    const tail = crypto.randomUUID().replaceAll('-', '')
    expect((await create(token, { name: 'Short', slug: tail.slice(0, 3) })).status).toBe(201)
    expect((await create(token, { name: 'Long', slug: `x${tail}${tail}`.slice(0, 40) })).status).toBe(201)
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => create(token, { name: 'One', slug: `s-${tail}` })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    const refused = answers.filter(({ status }) => status !== 201)
    for (const { status, body } of refused)
      expect([status, body.code, body.errors[0].path]).toEqual([409, 'slug_taken', 'body.slug'])
  })

  test('is allowed 20 times an hour', async () => {
    const { token } = await newUser()
    const answers = await Promise.all(Array.from({ length: 22 }, () => create(token, { name: 'One of many' })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(2)
    const first = await list(token, 'limit=15')
    const second = await list(token, `limit=15&cursor=${first.next_cursor}`)
    expect([first.data.length, second.data.length, second.next_cursor]).toEqual([15, 6, null])
    expect(new Set([...first.data, ...second.data].map(({ id }) => id)).size).toBe(21)
  })

  test('happens once per Idempotency-Key', async () => {
    const { token } = await newUser()
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const once = () => call(`POST ${ORGANIZATIONS}`, { token, headers, body: { name: 'Once' } })
    expect((await once()).body.id).toBe((await once()).body.id)
  })
})

const owner = newUser()

describe('an organization', async () => {
  const [member, stranger] = await Promise.all([newUser(), newKeyHolder()])
  const { token, user } = await owner
  const id: string = user.organization_id
  await addMember(id, member.user.id, 'member')

  test('is visible to its members, with their own role, and to nobody else', async () => {
    expect((await get(id, token)).body).toMatchObject({ id, role: 'owner', is_active: true, member_count: 2 })
    expect((await get(id.toUpperCase(), member.token)).body).toMatchObject({ id, role: 'member', is_active: false })
    const foreign = await get(id, stranger.token)
    expect([foreign.status, foreign.body.code]).toEqual([404, 'organization_not_found'])
    expect({ ...(await get(UNKNOWN, stranger.token)).body, request_id: 0 }).toEqual({ ...foreign.body, request_id: 0 })
  })

  test('is not accessible to an API key, whatever its scopes; and there are no such scopes to grant', async () => {
    const own = await get(stranger.organizationId, stranger.key)
    expect([own.status, own.body.code]).toEqual([403, 'user_only'])
    expect((await get(id, stranger.key)).body.code).toBe('organization_not_found')
    expect((await call(`GET ${ORGANIZATIONS}`, { token: stranger.key })).body.code).toBe('user_only')
    for (const scope of ['tollgate:members:write', 'tollgate:organization:read', 'tollgate:owners:write']) {
      const body = { name: 'Greedy', scopes: [scope] }
      const issued = await call('POST /api/v1/auth/api-keys', { token: stranger.token, body })
      expect([issued.status, issued.body.code]).toEqual([403, 'forbidden'])
    }
  })

  test('is renamed by owners and admins, and keeps the other fields', async () => {
    expect((await change(id, member.token, { name: 'Mine' })).body.code).toBe('forbidden')
    const before = (await get(id, token)).body
    expect((await change(id, token, { name: 'Renamed' })).body).toEqual({ ...before, name: 'Renamed' })
    const slug = `renamed-${id.slice(-12)}`
    expect((await change(id, token, { slug })).body).toMatchObject({ name: 'Renamed', slug })
    const taken = await change(stranger.organizationId, stranger.token, { slug })
    expect([taken.status, taken.body.code]).toEqual([409, 'slug_taken'])
    for (const body of [{}, { name: '' }, { name: null }, { name: 'a\nb' }, { slug: 'NO' }])
      expect((await change(id, token, body)).status).toBe(400)
    expect(await actsOf(id)).toEqual(['login.succeeded', 'organization.updated', 'organization.updated'])
  })

  test('★ 15.3.3 accepts nothing with a new name but the slug', async () => {
    const wishes = { plan_id: 'pro', plan: 'pro', is_platform: true, suspended_at: null, version: 99 }
    const paths = Object.keys(wishes).map((name) => ({ path: `body.${name}` }))
    const refused = await change(id, token, { name: 'Renamed', ...wishes })
    expect(refused).toMatchObject({ status: 400, body: { errors: paths } })
    const [row] = await sql.query('select is_platform, version from organizations where id = $1', [id])
    expect(row).toMatchObject({ is_platform: false, version: 1 })
  })
})

describe('switching', () => {
  test('returns a token for the other organization, which refreshing keeps and a new sign-in does not', async () => {
    const person = await newUser()
    const { body: other } = await create(person.token, { name: 'Other' })
    const switched = await switchTo(other.id, person.token)
    expect(switched).toMatchObject({
      status: 200,
      body: { token_type: 'bearer', expires_in: expect.any(Number), organization_id: other.id },
    })
    expect(Object.keys(switched.body)).not.toContain('refresh_token')
    const { access_token } = switched.body
    const before = claimsOf(person.token)
    expect(claimsOf(access_token)).toMatchObject({ sub: before.sub, sid: before.sid, org: other.id })
    expect(await me(access_token)).toMatchObject({ organization_id: other.id, role: 'owner' })
    const { body: key } = await call('POST /api/v1/auth/api-keys', { token: access_token, body: { name: 'There' } })
    expect(key.organization_id).toBe(other.id)

    const refreshed = await call('POST /api/v1/auth/refresh', { body: { refresh_token: person.refreshToken } })
    expect(claimsOf(refreshed.body.access_token).org).toBe(other.id)
    expect((await get(other.id, refreshed.body.access_token)).body.is_active).toBe(true)
    const { email, password } = person
    const login = await call('POST /api/v1/auth/login', { body: { email, password } })
    expect(claimsOf(login.body.access_token).org).toBe(person.user.organization_id)
    expect(await actsOf(other.id)).toContain('session.switched')
  })

  test('is refused for organizations of others, and the session stays unchanged', async () => {
    const [person, other] = [await newUser(), await newUser()]
    for (const id of [other.user.organization_id, UNKNOWN]) {
      const answer = await switchTo(id, person.token)
      expect([answer.status, answer.body.code]).toEqual([404, 'organization_not_found'])
    }
    expect((await me(person.token)).organization_id).toBe(person.user.organization_id)
  })

  test('★ extends nothing: the new token ends with the presented one, however often a session switches (v5.0.0-7.3.1)', async () => {
    const person = await newUser()
    const { exp } = claimsOf(person.token)
    const start = Date.now()
    let { token } = person
    try {
      for (const minutes of [0, 10, 20, 29]) {
        vi.useFakeTimers({ toFake: ['Date'], now: start + minutes * 60_000 })
        const { status, body } = await switchTo(person.user.organization_id, token)
        expect([status, claimsOf(body.access_token).exp]).toEqual([200, exp])
        expect(body.expires_in).toBe(exp - Math.floor(Date.now() / 1_000))
        token = body.access_token
      }
      vi.setSystemTime(exp * 1_000)
      expect((await switchTo(person.user.organization_id, token)).status).toBe(401)
    } finally {
      vi.useRealTimers()
    }
  })

  test('★ keeps the administrator and the end of a support session', async () => {
    const person = await newUser()
    const { body: other } = await create(person.token, { name: 'Other' })
    const { body: support } = await call(`POST /api/v1/admin/users/${person.user.id}/impersonate`, {
      token: await administrator(),
      body: { reason: 'Ticket 1' },
    })
    const start = Date.now()
    try {
      vi.useFakeTimers({ toFake: ['Date'], now: start + 10 * 60_000 })
      const { body } = await switchTo(other.id, support.access_token)
      expect(body.expires_in).toBeLessThanOrEqual(300)
      expect(body.expires_in).toBeGreaterThan(290)
      expect(claimsOf(body.access_token)).toMatchObject({ org: other.id, act: claimsOf(support.access_token).act })
      expect(await me(body.access_token)).toMatchObject({ id: person.user.id, organization_id: other.id })
      vi.setSystemTime(start + 15 * 60_000 + 1_000)
      expect((await call('GET /api/v1/auth/me', { token: body.access_token })).status).toBe(401)
    } finally {
      vi.useRealTimers()
    }
  })
})
