import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUpstream, type Upstream } from './upstream.ts'
import { bearer, eventually, type GatewayWorld, startGateway } from './world.ts'

let world: GatewayWorld
let upstream: Upstream

beforeAll(async () => {
  ;[world, upstream] = await Promise.all([
    startGateway({ PUBLIC_URL: 'http://localhost:8000', GATEWAY_HOSTS: 'api.example.test, api.example.com' }),
    startUpstream(),
  ])
})

afterAll(async () => {
  upstream.close()
  await world.close()
})

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('a request with a valid key reaches the upstream unchanged but without the key, and the response is returned', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url, {
    add_headers: { 'X-Upstream-Key': { value: 'sesame', is_secret: true } },
  })

  const answer = await fetch(`${route.url}/v1/things%20here?q=a%2Fb&key=theirs`, {
    method: 'PUT',
    headers: bearer(key, { 'Content-Type': 'text/plain', 'X-Custom': 'kept', Traceparent: TRACEPARENT }),
    body: 'hello',
  })

  expect(answer.status).toBe(200)
  const seen = (await answer.json()) as { method: string; url: string; headers: Record<string, string>; body: string }
  expect(seen).toMatchObject({ method: 'PUT', url: '/v1/things%20here?q=a%2Fb&key=theirs', body: 'hello' })
  expect(seen.headers).toMatchObject({
    'x-upstream-key': 'sesame',
    'x-custom': 'kept',
    traceparent: TRACEPARENT,
    'tollgate-plan': 'enterprise',
    'x-forwarded-host': new URL(world.url).host,
  })
  expect(seen.headers).not.toHaveProperty('authorization')
  expect(JSON.stringify(seen.headers)).not.toContain(key)
  expect(answer.headers.get('RateLimit')).toMatch(/r=/)
  expect(answer.headers.get('Tollgate-Request-Id')).toMatch(/^[\da-f-]{36}$/)
})

test('a request without a key, with an unknown one, or without a scope never reaches the upstream', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url, { scopes: ['orders:read'] })
  const before = upstream.requests.length

  const refused = await Promise.all([
    fetch(route.url),
    fetch(route.url, { headers: bearer('pk_live_unknown') }),
    fetch(route.url, { headers: bearer(key) }),
    fetch(route.url, { headers: bearer(key, { 'X-API-Key': 'another' }) }),
  ])

  const bodies = await Promise.all(refused.map((one) => one.json() as Promise<{ code: string }>))
  expect(refused.map(({ status }, at) => [status, bodies[at]?.code])).toEqual([
    [401, 'unauthenticated'],
    [401, 'unauthenticated'],
    [403, 'forbidden'],
    [400, 'ambiguous_credentials'],
  ])
  expect(refused[0]?.headers.get('Content-Type')).toContain('application/problem+json')
  expect(upstream.requests.length).toBe(before)
})

test('the route charges its cost, and a key above its limit gets a Retry-After', async () => {
  const { key } = await world.customer(10)
  const route = await world.route(upstream.url, { cost: 4 })
  const ask = () => fetch(route.url, { headers: { 'X-API-Key': key } })

  const statuses = [(await ask()).status, (await ask()).status]
  const refused = await ask()

  expect(statuses).toEqual([200, 200])
  expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, expect.stringMatching(/^\d+$/)])
  expect(await refused.json()).toMatchObject({ code: 'rate_limited' })
})

test('the use is one event with the status and the path of the request, without ids', async () => {
  const { key, organizationId } = await world.customer()
  const route = await world.route(upstream.url)

  await fetch(`${route.url}/status/404`, { headers: bearer(key) })

  await eventually(async () =>
    expect(await world.eventsOf(organizationId)).toEqual([
      expect.objectContaining({
        method: 'GET',
        endpoint: `/${route.slug}/status/*`,
        status_code: 404,
        api_calls: 1,
      }),
    ]),
  )
})

test('response headers count as use, and the caller does not see them', async () => {
  const { key, organizationId } = await world.customer()
  const route = await world.route(upstream.url, { meter: { from_header: { queries: 'X-Queries', model: 'X-Model' } } })
  const headers = encodeURIComponent(JSON.stringify({ 'X-Queries': '7', 'X-Model': 'tiny', 'X-Other': 'seen' }))

  const answer = await fetch(`${route.url}/headers?headers=${headers}`, { headers: bearer(key) })

  expect([answer.headers.get('X-Queries'), answer.headers.get('X-Other')]).toEqual([null, 'seen'])
  await eventually(async () =>
    expect(await world.eventsOf(organizationId)).toContainEqual(
      expect.objectContaining({ api_calls: 0, queries: 7, model: 'tiny' }),
    ),
  )
})

test('headers report custom meters and every kind of token; an unreadable one does not invalidate the others', async () => {
  const { key, organizationId } = await world.customer()
  await world.ownMeter('images')
  const from_header = {
    input_tokens: 'X-In',
    audio_output_tokens: 'X-Audio',
    cache_write_tokens: 'X-Written',
    queries: 'X-Queries',
    quantities: { images: 'X-Images' },
  }
  const route = await world.route(upstream.url, { meter: { from_header } })
  const told = { 'X-In': '120', 'X-Audio': '0', 'X-Written': '20', 'X-Queries': '1,000', 'X-Images': '3' }
  const answer = await fetch(`${route.url}/headers?headers=${encodeURIComponent(JSON.stringify(told))}`, {
    headers: bearer(key),
  })
  expect(Object.keys(told).filter((name) => answer.headers.has(name))).toEqual([])
  await eventually(async () =>
    expect(await world.tokensOf(organizationId)).toContainEqual({
      input_tokens: 120,
      cache_write_tokens: 20,
      queries: 0,
      quantities: { images: 3 },
    }),
  )
})

test.each([
  [{ 'X-Images': '1e400' }, { queries: 7, quantities: null }],
  [{ 'X-Images': '-1' }, { queries: 7, quantities: null }],
  [{ 'X-Images': '1e13' }, { queries: 7, quantities: null }],
  [{ 'X-Images': '1.53456789' }, { queries: 7, quantities: { images: 2 } }],
  [{ 'X-Images': '.5' }, { queries: 7, quantities: { images: 1 } }],
  [
    { 'X-Queries': '1.5', 'X-Images': '2' },
    { queries: 0, quantities: { images: 2 } },
  ],
  [
    { 'X-Queries': '99999999999', 'X-Images': '2' },
    { queries: 0, quantities: { images: 2 } },
  ],
  [{ 'X-Tokens': '5' }, { queries: 7, quantities: null }],
  [{ 'X-Cost': '1e400' }, { queries: 7, quantities: null }],
])('%j costs no other amount of the answer', async (odd, counted) => {
  const { key, organizationId } = await world.customer()
  await world.ownMeter('images')
  const from_header = {
    input_tokens: 'X-In',
    output_tokens: 'X-Out',
    tokens: 'X-Tokens',
    cost_usd: 'X-Cost',
    queries: 'X-Queries',
    quantities: { images: 'X-Images' },
  }
  const route = await world.route(upstream.url, { meter: { from_header } })
  const told = { 'X-In': '120', 'X-Out': '3', 'X-Queries': '7', ...odd }
  await fetch(`${route.url}/headers?headers=${encodeURIComponent(JSON.stringify(told))}`, { headers: bearer(key) })
  await eventually(async () =>
    expect(await world.tokensOf(organizationId)).toContainEqual(
      expect.objectContaining({ input_tokens: 120, ...counted }),
    ),
  )
})

test('a caller cannot pretend: what only the gateway says of them is replaced', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url)

  const claims = {
    'Tollgate-Plan': 'root',
    'X-Forwarded-For': '1.2.3.4',
    Cookie: '__Host-session=stolen',
    Forwarded: 'for=1.2.3.4',
  }
  await fetch(route.url, { headers: bearer(key, claims) })

  expect(upstream.requests.at(-1)?.headers).toMatchObject({ 'tollgate-plan': 'enterprise' })
  for (const name of ['cookie', 'forwarded', 'x-forwarded-for'])
    expect(upstream.requests.at(-1)?.headers).not.toHaveProperty(name)
})

test("under the gateway's own address an upstream sets no cookies and runs no page, and redirects lead back to it", async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url, { match: { path_prefix: '/headers' } })
  const answerWith = (headers: object, status = 200) =>
    fetch(`${route.url}/headers?status=${status}&headers=${encodeURIComponent(JSON.stringify(headers))}`, {
      headers: bearer(key),
      redirect: 'manual',
    })

  const page = await answerWith({ 'Set-Cookie': '__Host-session=evil', 'Content-Type': 'text/html' })
  const inside = await answerWith({ Location: '/headers/next?a=b' }, 302)
  const outside = await answerWith({ Location: 'https://elsewhere.example/x' }, 302)

  expect([page.headers.get('Set-Cookie'), page.headers.get('Content-Security-Policy')]).toEqual([null, 'sandbox'])
  expect(inside.headers.get('Location')).toBe(`/gw/${route.slug}/headers/next?a=b`)
  expect(outside.headers.get('Location')).toBe('https://elsewhere.example/x')
})

test('public paths and preflights need no key, and nothing else counts as one of them', async () => {
  const route = await world.route(upstream.url, { public_paths: ['/health', '/docs/*'] })
  const ask = async (path: string, init: RequestInit = {}) => (await fetch(`${route.url}${path}`, init)).status
  const preflight = { method: 'OPTIONS', headers: { Origin: 'https://a.dev', 'Access-Control-Request-Method': 'POST' } }

  expect(await ask('/health')).toBe(200)
  expect(await ask('/docs/a/b')).toBe(200)
  expect(await ask('/private', preflight)).toBe(200)
  for (const path of ['/health/x', '/docs/..%2fprivate', '/docs/%2e%2e/private', '/docs//private', '/Health'])
    expect([path, await ask(path)]).toEqual([path, expect.toBeOneOf([400, 401])])
  for (const path of ['/docs/..;/private', '/docs/a;b', '/docs/..%3b/private'])
    expect([path, await ask(path)]).toEqual([path, expect.toBeOneOf([400, 401])])
})

test('only paths below the prefix are forwarded, and none that leaves it once decoded', async () => {
  const { key } = await world.customer()
  const route = await world.route(`${upstream.url}/base`, { match: { path_prefix: '/v1' }, strip_prefix: true })
  const ask = async (path: string) => {
    const answer = await fetch(`${route.url}${path}`, { headers: bearer(key) })
    return answer.status === 200 ? ((await answer.json()) as { url: string }).url : answer.status
  }

  expect(await ask('/v1/a?b=c')).toBe('/base/a?b=c')
  expect(await ask('/v1')).toBe('/base')
  expect(await ask('/v2')).toBe(404)
  expect(await ask('/v1x')).toBe(404)
  for (const path of ['/v1/..%2fadmin', '/v1/..;/admin', '/v1/..%3b/admin', '/v1/%252e%252e/admin'])
    expect([path, await ask(path)]).toEqual([path, 400])
  expect(await ask('/v1/a%2Fb')).toBe('/base/a%2Fb')
})

test('at a host of the gateway every path belongs to it, even those that are Tollgate’s elsewhere', async () => {
  const { key } = await world.customer()
  const host = { host: 'api.example.test' }
  await world.route(upstream.url, { match: host })
  await world.route(`${upstream.url}/special`, { match: { ...host, path_prefix: '/v2' } })
  const ask = async (path: string) => {
    const asked = httpRequest(`${world.url}${path}`, { headers: { ...bearer(key), Host: 'api.example.test' } }).end()
    const [response] = await once(asked, 'response')
    let text = ''
    for await (const chunk of response) text += String(chunk)
    const { url, code } = JSON.parse(text) as { url?: string; code?: string }
    return url ?? code
  }

  expect(await ask('/health')).toBe('/health')
  expect(await ask('/api/v1/keys/verify')).toBe('/api/v1/keys/verify')
  expect(await ask('/v2/x')).toBe('/special/v2/x')
  for (const path of ['/%762/x', '//v2/x', '/V2/x', '/v2;a/x']) expect(await ask(path)).toBe('ambiguous_path')
  expect(await ask('/%763/x')).toBe('/%763/x')
  expect((await fetch(`${world.url}/health/live`)).status).toBe(200)
})

test('a gateway host cannot be an upstream: requests would loop forever', async () => {
  const { status, body } = await world.call('POST', '/admin/routes', {
    slug: 'loop',
    upstream: 'https://api.example.com./v1',
  })

  expect([status, JSON.stringify(body.errors)]).toEqual([400, expect.stringContaining('a host of the gateway')])
})

test('a disabled or deleted route is gone, and a changed one follows', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url)
  const ask = async () => (await fetch(route.url, { headers: bearer(key) })).status
  const change = (body: Record<string, unknown>) => world.call('PATCH', `/admin/routes/${route.id}`, body)

  expect(await ask()).toBe(200)
  await change({ scopes: ['admin'] })
  expect(await ask()).toBe(403)
  await change({ is_enabled: false })
  expect(await ask()).toBe(404)
  await change({ is_enabled: true, scopes: [] })
  expect(await ask()).toBe(200)
  expect((await world.call('DELETE', `/admin/routes/${route.id}`)).status).toBe(204)
  expect(await ask()).toBe(404)
})
