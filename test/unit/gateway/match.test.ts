import { describe, expect, test } from 'vitest'
import { belongsElsewhere, describeEndpoint, isPublic, matchRoute, targetUrl } from '../../../src/gateway/match.ts'
import { simplifyPath } from '../../../src/gateway/path.ts'
import type { Route } from '../../../src/gateway/route.ts'

const route = (more: Partial<Route> = {}): Route => ({
  id: 'id',
  slug: 'chat',
  host: null,
  pathPrefix: '/',
  plainPrefix: simplifyPath(more.pathPrefix ?? '/'),
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

describe('on a host with several routes', () => {
  const [all, admin, deep] = ['/', '/admin', '/admin/v1.x'].map((pathPrefix) =>
    route({ host: 'a.dev', pathPrefix }),
  ) as [Route, Route, Route]
  const routes = [all, admin, deep, route({ host: 'b.dev', pathPrefix: '/other' })]
  const isElsewhere = (path: string, among = routes) => {
    const match = find(among, path, 'a.dev')
    return match !== undefined && belongsElsewhere(among, match)
  }

  const REFUSED = [
    '/%61dmin/x /%2561dmin //admin/x /%2Fadmin /;a=b/admin/x /%3ba/admin /;x%2fy/admin /;x%2fadmin /admin;a=b/x /admin%3bx',
    '/ADMIN/x /Admin /admin./x /admin../x /admin%20/x /admin%00 /%5cadmin /admin%3fx /admin%2fx /admin/V1.X /admin//v1.x/y',
  ]
  test.each(REFUSED.flatMap((paths) => paths.split(' ')))(
    'a path is refused if its upstream may read it as one of a longer prefix: %s',
    (path) => expect(isElsewhere(path)).toBe(true),
  )

  test.each([
    '/',
    '/x',
    '/admin',
    '/admin/',
    '/admin/x%20y',
    '/administrator',
    '/x/admin',
    '/other',
    '/admin/v1.x/%61',
  ])('and passes otherwise: %s', (path) => expect(isElsewhere(path)).toBe(false))

  test('prefixes that differ in case alone are two routes', () => {
    const both = [route({ host: 'a.dev', pathPrefix: '/API' }), route({ host: 'a.dev', pathPrefix: '/api' }), all]
    expect(['/API/x', '/api/x', '/x'].map((path) => isElsewhere(path, both))).toEqual([false, false, false])
    expect(isElsewhere('/Api/x', both)).toBe(true)
  })

  test('the slug of a route leads to no path of another one', () => {
    const named = ['/', '/admin'].map((pathPrefix, at) => route({ slug: `r${at}`, host: 'a.dev', pathPrefix }))
    const matches = ['/gw/r0/x', '/gw/r0/admin/x', '/gw/r1/admin/x'].map((path) => find(named, path))
    expect(matches.map((match) => match && belongsElsewhere(named, match))).toEqual([false, true, false])
    const apart = [route({ slug: 'a' }), route({ slug: 'b', pathPrefix: '/admin' })]
    expect(belongsElsewhere(apart, find(apart, '/gw/a/admin') as never)).toBe(false)
  })
})

describe('a public path', () => {
  const open = route({ publicPaths: ['/health', '/docs/*'] })

  test.each(['/health', '/docs', '/docs/', '/docs/a/b'])('is %s', (path) => expect(isPublic(open, path)).toBe(true))
  test.each(['/health/', '/healthy', '/docsx', '/docs//a', '/docs/%61', '/docs/a;b', '/docs/..;/a', '/', '/HEALTH'])(
    'is not %s',
    (path) => expect(isPublic(open, path)).toBe(false),
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
