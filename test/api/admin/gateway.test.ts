import { expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser } from '../../support/http.ts'

const ROUTES = '/api/v1/admin/routes'
const { sql } = directly()

const asOperator = async (line: string, body?: unknown, headers: Record<string, string> = {}) =>
  call(line, { token: await administrator(), ...(body !== undefined && { body }), headers })

const newSlug = () => `r${crypto.randomUUID().slice(0, 8)}`

async function create(more: Record<string, unknown> = {}) {
  return asOperator(`POST ${ROUTES}`, { slug: newSlug(), upstream: 'https://api.example.net/base/', ...more })
}

test('a route has defaults and an address, and is listed', async () => {
  const { status, body } = await create()

  expect(status).toBe(201)
  expect(body).toMatchObject({
    match: { host: null, path_prefix: '/' },
    upstream: 'https://api.example.net/base',
    strip_prefix: false,
    add_headers: {},
    timeout_ms: 60_000,
    cost: 1,
    meter: 'requests',
    is_enabled: true,
    url: `https://tollgate.test/gw/${body.slug}`,
  })
  expect((await asOperator(`GET ${ROUTES}`)).body.data).toContainEqual(body)
  expect((await asOperator(`GET ${ROUTES}/${body.id}`)).body).toEqual(body)
})

test('a secret header is encrypted in the database, and is in no response and no audit row', async () => {
  const secret = `sk-${crypto.randomUUID()}`
  const { body } = await create({
    add_headers: { Authorization: { value: secret, is_secret: true }, 'X-Team': { value: 'a' } },
  })

  expect(body.add_headers).toEqual({
    authorization: { value: null, is_secret: true },
    'x-team': { value: 'a', is_secret: false },
  })
  const [row] = await sql.query('select to_json(r)::text as text from gateway_routes r where id = $1', [body.id])
  const audit = await sql.query('select to_json(a)::text as text from audit_logs a where target_id = $1', [body.id])
  expect([row, ...audit].map((one) => String(one?.text)).join()).not.toContain(secret)
  expect(audit).toHaveLength(1)
})

test('a change keeps what is absent, and null removes a header', async () => {
  const { body } = await create({ add_headers: { A: { value: '1', is_secret: true }, B: { value: '2' } } })
  const change = (changes: unknown) => asOperator(`PATCH ${ROUTES}/${body.id}`, changes)

  expect(
    (await change({ add_headers: { a: null, C: { value: '3' } }, match: { path_prefix: '/v1/' } })).body,
  ).toMatchObject({
    add_headers: { b: { value: '2' }, c: { value: '3' } },
    match: { host: null, path_prefix: '/v1' },
    upstream: body.upstream,
  })
  expect((await change({ meter: { from_header: { queries: 'X-Queries' } } })).body.meter).toEqual({
    from_header: { queries: 'X-Queries' },
  })
})

test.each([
  ['upstream', { upstream: 'http://api.example.net' }],
  ['upstream', { upstream: 'https://169.254.169.254/latest' }],
  ['upstream', { upstream: 'https://localhost' }],
  ['upstream', { upstream: 'https://tollgate.test/gw/loop' }],
  ['upstream', { upstream: 'https://user:pass@api.example.net' }],
  ['upstream', { upstream: 'https://api.example.net/?a=b' }],
  ['slug', { slug: 'Not/A slug' }],
  ['match.host', { match: { host: 'not-configured.example.com' } }],
  ['match.path_prefix', { match: { path_prefix: 'v1' } }],
  ['match.path_prefix', { match: { path_prefix: '/a%2fb' } }],
  ['add_headers', { add_headers: { Host: { value: 'x' } } }],
  ['add_headers', { add_headers: { 'Tollgate-Plan': { value: 'x' } } }],
  ['add_headers', { add_headers: { 'X-A': { value: 'a\r\nX-B: c' } } }],
  ['public_paths', { public_paths: ['docs/*'] }],
  ['public_paths', { public_paths: ['/docs;a/*'] }],
  ['timeout_ms', { timeout_ms: 1 }],
  ['meter', { meter: { from_header: {} } }],
  ['meter', { meter: { from_header: { quantities: {} } } }],
  ['meter.from_header.quantities.none', { meter: { from_header: { quantities: { none: 'X-None' } } } }],
  ['meter.from_header.quantities.tokens', { meter: { from_header: { quantities: { tokens: 'X-Tokens' } } } }],
  ['upstreams', { upstreams: 'https://api.example.net' }],
])('an invalid upstream is refused by the name of its field: %s', async (field, wrong) => {
  const { status, body } = await create(wrong)

  expect([status, body.code]).toEqual([400, 'invalid_request'])
  expect(body.errors.map(({ path }: { path: string }) => path).join()).toContain(`body.${field}`)
})

test('a meter that a route counts cannot be deleted', async () => {
  const slug = `g${crypto.randomUUID().slice(0, 8)}`
  const made = await asOperator('POST /api/v1/admin/meters', { slug, name: 'Pages', unit: 'pages', kind: 'counter' })
  expect(made.status).toBe(201)
  const meter = { from_header: { quantities: { [slug]: 'X-Pages' } } }
  const { body } = await create()
  expect((await asOperator(`PATCH ${ROUTES}/${body.id}`, { meter })).body.meter).toEqual(meter)
  const remove = () => asOperator(`DELETE /api/v1/admin/meters/${slug}`)
  expect((await remove()).body).toMatchObject({ status: 409, code: 'meter_in_use' })
  await asOperator(`DELETE ${ROUTES}/${body.id}`)
  expect((await remove()).status).toBe(204)
})

test('two routes never share a slug, and a repeat with the same Idempotency-Key gets the first response', async () => {
  const route = { slug: newSlug(), upstream: 'https://api.example.net' }
  const repeatable = { 'Idempotency-Key': crypto.randomUUID() }

  const [first, again] = [
    await asOperator(`POST ${ROUTES}`, route, repeatable),
    await asOperator(`POST ${ROUTES}`, route, repeatable),
  ]

  expect([again.status, again.body]).toEqual([201, first.body])
  expect(await asOperator(`POST ${ROUTES}`, route)).toMatchObject({ status: 409, body: { code: 'route_slug_taken' } })
  const other = await create()
  expect(await asOperator(`PATCH ${ROUTES}/${other.body.id}`, { slug: route.slug })).toMatchObject({
    status: 409,
    body: { code: 'route_slug_taken' },
  })
})

test('a deleted route is gone, and an unknown one is not found', async () => {
  const { body } = await create()
  const line = `${ROUTES}/${body.id}`

  expect((await asOperator(`DELETE ${line}`)).status).toBe(204)
  for (const one of [`GET ${line}`, `DELETE ${line}`, `GET ${ROUTES}/nothing`])
    expect(await asOperator(one)).toMatchObject({ status: 404, body: { code: 'route_not_found' } })
})

test('customers have no access to routes', async () => {
  const { token } = await newUser()

  expect((await call(`GET ${ROUTES}`, { token })).status).toBe(404)
})
