import { describe, expect, test } from 'vitest'
import { setCallerHeaders, upstreamHeaders } from '../../../src/gateway/headers.ts'
import type { Match } from '../../../src/gateway/match.ts'

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

const send = (headers: Record<string, string>, addHeaders: [string, string][] = []) => {
  const match = { route: { meter: 'requests', addHeaders } } as unknown as Match
  const request = new Request('https://api.example.com/', { headers })
  return upstreamHeaders(request, match, {
    requestId: 'r',
    url: new URL(request.url),
    ip: undefined,
    record: undefined,
  })
}

const trace = (headers: Record<string, string>) => {
  const sent = send(headers)
  return [sent.get('traceparent'), sent.get('tracestate')]
}

test('a trace is passed upstream, with its state', () => {
  expect(trace({ traceparent: TRACEPARENT, tracestate: 'a=1' })).toEqual([TRACEPARENT, 'a=1'])
})

test('an invalid trace is not passed on, nor is a state without a trace', () => {
  expect(trace({ traceparent: '00-1-2-01', tracestate: 'a=1' })).toEqual([null, null])
  expect(trace({ tracestate: 'a=1' })).toEqual([null, null])
})

describe('headers that a caller only claims do not reach the upstream', () => {
  test.each([
    'Forwarded',
    'X-Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-User',
    'X-Real-IP',
    'X-Remote-IP',
    'Proxy',
    'X-Host',
    'X-Original-URL',
    'X-Original-Host',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'Client-IP',
    'X-Client-IP',
    'X-Cluster-Client-IP',
    'Fly-Client-IP',
    'Fastly-Client-IP',
    'True-Client-IP',
    'Remote-User',
    'X-Remote-User',
    'X-Authenticated-User',
    'X-Auth-Request-Email',
    'CF-Connecting-IP',
    'Client-Cert',
    'SSL-Client-Verify',
    'X-SSL-Client-DN',
    'Tollgate-Organization-Id',
    'Tollgate-Made-Up',
    'Authorization',
    'X-API-Key',
    'Cookie',
  ])('%s, and what CGI would read as it', (name) => {
    const all = [name, name.replaceAll('-', '_'), name.replaceAll('-', '.'), name.replace('-', '_')]
    const sent = send(Object.fromEntries(all.map((one) => [one, 'forged'])))
    expect([...sent.values()]).not.toContain('forged')
  })

  test('a name that an upstream may mistake for a header that the route adds', () => {
    const sent = send({ X_Upstream_Secret: 'forged', 'X.Odd_Name': 'forged' }, [
      ['X-Upstream-Secret', 'of the route'],
      ['X_Odd-Name', 'of the route'],
    ])
    expect([...sent.values()]).not.toContain('forged')
    expect([sent.get('X-Upstream-Secret'), sent.get('X_Odd-Name')]).toEqual(['of the route', 'of the route'])
  })

  test('a name that an upstream may mistake for another header of the request', () => {
    const sent = send({
      Content_Type: 'text/forged',
      'Content-Type': 'text/plain',
      Own_Name: 'kept',
      'Other-Name': 'kept',
    })
    expect([...sent.keys()].filter((name) => name.startsWith('content'))).toEqual(['content-type'])
    expect([sent.get('Own_Name'), sent.get('Other-Name')]).toEqual(['kept', 'kept'])
  })
})

describe('a redirect at a host of the gateway stays at this host', () => {
  const locationOf = (location: string, upstream: string, more: Partial<Match> & { prefix?: string } = {}) => {
    const { prefix = '/', base = '' } = more
    const route = { upstream, meter: 'requests', pathPrefix: prefix, stripPrefix: true }
    const answer = new Response(null, { status: 302, headers: { Location: location } })
    const facts = { requestId: 'r', origin: 'https://api.example.com', limits: {}, isHere: base !== '' }
    const passed = new Response(null, answer)
    setCallerHeaders(passed, answer, { route, base, path: '/' } as unknown as Match, facts)
    return passed.headers.get('Location')
  }

  test.each([
    ['https://up.example//evil.com/?a#b', 'https://api.example.com//evil.com/?a#b'],
    ['https://up.example/\\evil.com', 'https://api.example.com//evil.com'],
    ['https://up.example\\\\evil.com', 'https://api.example.com//evil.com'],
    ['/.//evil.com/', 'https://api.example.com//evil.com/'],
    ['/a/..//evil.com/', 'https://api.example.com//evil.com/'],
    ['/.\t//evil.com/', 'https://api.example.com//evil.com/'],
    ['//evil.com/', 'https://evil.com/'],
    ['/next?a=b#c', '/next?a=b#c'],
    ['next//twice', '/next//twice'],
  ])('%s', (location, expected) => {
    const told = locationOf(location, 'https://up.example')
    expect(told).toBe(expected)
    const shown = new URL(told ?? '', 'https://api.example.com/x')
    const meant = new URL(location, 'https://up.example/x')
    expect(shown.host).toBe(meant.host === 'up.example' ? 'api.example.com' : meant.host)
  })

  test('even if the upstream has a path of its own, which is removed', () => {
    const upstream = 'https://up.example/base'
    expect(locationOf('/base//evil.com', upstream)).toBe('https://api.example.com//evil.com')
    expect(locationOf('/base', upstream)).toBe('/')
    expect(locationOf('/base?a=b', upstream)).toBe('/?a=b')
  })

  test('keeps the prefix or the slug of its route in the path', () => {
    expect(locationOf('//up.example//evil.com', 'https://up.example', { prefix: '/v1' })).toBe('/v1//evil.com')
    expect(locationOf('//up.example//evil.com', 'https://up.example', { base: '/gw/a' })).toBe('/gw/a//evil.com')
  })
})
