import { describe, expect, test } from 'vitest'
import { describeEndpoint, isPublic, leavesItsPlace, matchRoute, targetUrl } from '../../../src/gateway/match.ts'
import type { Route } from '../../../src/gateway/route.ts'

const route = (more: Partial<Route> = {}): Route => ({
  id: 'id',
  slug: 'chat',
  host: null,
  pathPrefix: '/',
  upstream: 'https://api.example.net',
  stripPrefix: false,
  addHeaders: [],
  timeoutMs: 1_000,
  scopes: [],
  cost: 1,
  limits: {},
  meter: 'requests',
  publicPaths: [],
  ...more,
})

const find = (routes: Route[], path: string, host?: string) => matchRoute(routes, { host, path })

test('a slug identifies one route, and its prefix applies to what follows the slug', () => {
  const routes = [route({ pathPrefix: '/v1' }), route({ slug: 'chat2' })]

  expect(find(routes, '/gw/chat/v1/models')).toMatchObject({ path: '/v1/models', base: '/gw/chat' })
  expect(find(routes, '/gw/chat/v1')).toMatchObject({ path: '/v1' })
  expect(find(routes, '/gw/chat2')).toMatchObject({ path: '/', base: '/gw/chat2' })
  for (const path of ['/gw/chat', '/gw/chat/v1x', '/gw/other/v1', '/gw/', '/gw', '/chat/v1'])
    expect([path, find(routes, path)]).toEqual([path, undefined])
})

test('of the routes of a host, the longest prefix wins, whatever their order', () => {
  const [all, some, more] = ['/', '/v1', '/v1/chat'].map((pathPrefix) => route({ host: 'a.dev', pathPrefix }))
  const routes = [some, all, more, route({ host: 'b.dev', pathPrefix: '/v1/chat/x' })] as Route[]

  expect(find(routes, '/v1/chat/x', 'a.dev')?.route).toBe(more)
  expect(find(routes, '/v1/chats', 'a.dev')?.route).toBe(some)
  expect(find(routes, '/gw/chat', 'a.dev')).toMatchObject({ route: all, path: '/gw/chat', base: '' })
  expect(find(routes, '/v1', 'c.dev')).toBeUndefined()
})

test.each([
  ['/a/b', '/v1', false, '/v1/a/b'],
  ['', '/v1', true, ''],
  ['/', '/v1', true, '/'],
  ['/a?', '/', true, '/a?'],
])('%s below %s, stripped: %s, is sent to %s', (rest, pathPrefix, stripPrefix, expected) => {
  const path = pathPrefix === '/' ? rest : pathPrefix + rest
  const match = { route: route({ pathPrefix, stripPrefix }), path, base: '' }
  expect(targetUrl(match, '')).toBe(`https://api.example.net${expected}`)
})

test('a query is kept, even to the root of the upstream', () => {
  const match = { route: route({ pathPrefix: '/v1', stripPrefix: true }), path: '/v1', base: '' }
  expect(targetUrl(match, '?a=b')).toBe('https://api.example.net/?a=b')
})

test.each(['/..%2fadmin', '/a/%2e%2e/b', '/a/%2E./b', '/a%5c..%5cb', '/%2e', '/a/..%2F'])(
  'a path is refused if it leaves its place once decoded: %s',
  (path) => expect(leavesItsPlace(path)).toBe(true),
)

test.each(['/a%2Fb', '/v1..2', '/a/...%2fb', '/a%252e', '/%20', '/file%2etxt'])('and passes otherwise: %s', (path) =>
  expect(leavesItsPlace(path)).toBe(false),
)

describe('a public path', () => {
  const open = route({ publicPaths: ['/health', '/docs/*'] })

  test.each(['/health', '/docs', '/docs/', '/docs/a/b'])('is %s', (path) => expect(isPublic(open, path)).toBe(true))
  test.each(['/health/', '/healthy', '/docsx', '/docs//a', '/docs/%61', '/', '/HEALTH'])('is not %s', (path) =>
    expect(isPublic(open, path)).toBe(false),
  )
  test('may be every path', () => expect(isPublic(route({ publicPaths: ['/*'] }), '/any/thing')).toBe(true))
})

test.each([
  ['/v1/chat/completions', '/chat/v1/chat/completions'],
  ['/users/42/orders/0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a35', '/chat/users/*/orders/*'],
  [`/files/${'a'.repeat(33)}`, '/chat/files/*'],
  ['/a/b/c/d/e/f/g', '/chat/a/b/c/d/e/f/…'],
  ['/x%20y', '/chat/*'],
  ['/', '/chat/'],
])('the endpoint of %s is %s', (path, expected) =>
  expect(describeEndpoint({ route: route(), path, base: '/gw/chat' })).toBe(expected),
)
