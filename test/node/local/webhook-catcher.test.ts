import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stack } from '../../../local/stack/stack.ts'
import { openStack } from './support.ts'

let stack: Stack

beforeAll(async () => {
  stack = await openStack()
})
afterAll(() => stack.close())

const post = (path: string, body = '{"type":"webhook.test"}') =>
  fetch(`${stack.url}/webhooks/catch${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'webhook-id': 'evt_1' },
    body,
  })
const caught = async (query = '') =>
  (await fetch(`${stack.url}/webhooks${query}`, { headers: { Accept: 'application/json' } })).json()

test('requests are kept as they arrived, newest first, the last hundred per address, and can be cleared', async () => {
  expect((await post('')).status).toBe(204)
  await post('/mine', 'not json <script>')
  expect(await caught()).toMatchObject([
    { path: '/webhooks/catch/mine', body: 'not json <script>', headers: { 'webhook-id': 'evt_1' } },
    { path: '/webhooks/catch', body: '{"type":"webhook.test"}' },
  ])
  expect(await caught('?path=/webhooks/catch/mine')).toHaveLength(1)
  const page = await (await fetch(`${stack.url}/webhooks`)).text()
  expect(page).toContain('not json &lt;script&gt;')
  expect(page).toContain('<h2>webhook.test</h2>')

  for (let count = 0; count <= 100; count++) await post('/more', String(count))
  const more = (await caught('?path=/webhooks/catch/more')).map(({ body }: { body: string }) => body)
  expect([more.length, more[0], more.at(-1)]).toEqual([100, '100', '1'])
  expect(await caught('?path=/webhooks/catch')).toHaveLength(1)
  await fetch(`${stack.url}/webhooks`, { method: 'DELETE' })
  expect(await caught()).toEqual([])
})

test('it responds as its address requests, and is a service that can be made to fail', async () => {
  const redirect = await post('?status=302&bytes=3')
  expect([redirect.status, redirect.headers.get('location'), await redirect.text()]).toEqual([
    302,
    '/webhooks/catch/redirected',
    'xxx',
  ])
  for (const [status, answered] of [
    [410, 410],
    [199, 400],
    [600, 400],
    ['x', 400],
  ])
    expect((await post(`?status=${status}`)).status).toBe(answered)
  const fault = { door: 'webhooks', kind: 'status', value: 503, count: 1 }
  await fetch(`${stack.url}/control/faults`, { method: 'POST', body: JSON.stringify(fault) })
  expect([(await post('')).status, (await post('')).status]).toEqual([503, 204])
})
