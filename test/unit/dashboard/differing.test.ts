import { expect, test } from 'vitest'
import type { ApiKey, GatewayRoute } from '../../../dashboard/src/api/types.ts'
import { differing } from '../../../dashboard/src/lib/differing.ts'
import { toKeyChanges, toKeyForm } from '../../../dashboard/src/screens/keys/key-form.ts'
import { toRouteChanges, toRouteForm } from '../../../dashboard/src/screens/operator-gateway/route-form.ts'

const KEY = {
  name: 'Key',
  description: null,
  scopes: ['tollgate:keys:write'],
  custom_rate_limit: 654_321,
  limits: [],
  max_concurrent: null,
  allowed_ips: ['192.0.2.1'],
  metadata: { team: 1 },
} as unknown as ApiKey

const ROUTE = {
  slug: 'api',
  upstream: 'https://example.com',
  match: { host: null, path_prefix: '/' },
  strip_prefix: true,
  add_headers: { 'x-secret': { value: null, is_secret: true }, 'x-open': { value: 'a', is_secret: false } },
  timeout_ms: 60_000,
  scopes: [],
  cost: 1,
  limits: {},
  meter: 'none',
  public_paths: [],
  is_enabled: true,
} as unknown as GatewayRoute

test('what differs is sent, what is gone is null, and what stays is not sent', () => {
  expect(differing({ a: 1, b: [1], c: 1 }, { a: 1, b: [2], d: 3 })).toEqual({ b: [2], c: null, d: 3 })
})

test("a key's form sends only what was changed in it", () => {
  const opened = toKeyForm(KEY)
  expect(toKeyChanges(opened, opened)).toEqual({ body: {} })
  expect(toKeyChanges(opened, { ...opened, name: 'New' })).toEqual({ body: { name: 'New' } })
  expect(toKeyChanges(opened, { ...opened, expiry: 'never' })).toEqual({ body: { expires_at: null } })
})

test("a route's form sends only what was changed in it, and takes out headers that it no longer has", () => {
  const opened = toRouteForm(ROUTE)
  expect(toRouteChanges(opened, ROUTE)).toEqual({})
  expect(toRouteChanges({ ...opened, cost: '2' }, ROUTE)).toEqual({ cost: 2 })
  expect(toRouteChanges({ ...opened, headers: [] }, ROUTE)).toEqual({
    add_headers: { 'x-secret': null, 'x-open': null },
  })
})
