/** Access tokens of applications at the gateway. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUpstream, type Upstream } from './upstream.ts'
import { bearer, type GatewayWorld, startGateway } from './world.ts'

let world: GatewayWorld
let upstream: Upstream

beforeAll(async () => {
  ;[world, upstream] = await Promise.all([startGateway({ PUBLIC_URL: 'http://localhost:8000' }), startUpstream()])
})

afterAll(async () => {
  upstream.close()
  await world.close()
})

test('a token issued for another service does not reach the upstream and consumes nothing; one for this host does both', async () => {
  const route = await world.route(upstream.url)
  const before = upstream.requests.length
  const ask = async (resource: string) => {
    const { organizationId, token } = await world.tokenFor(resource)
    const { status } = await fetch(route.url, { headers: bearer(token) })
    const { body } = await world.call('GET', `/quotas?organization_id=${organizationId}`)
    return [status, (body as { meters: { api_calls: { used: number } } }).meters.api_calls.used]
  }
  expect(await ask('https://mcp.example.com/mcp')).toEqual([401, 0])
  expect(upstream.requests.length).toBe(before)
  for (const resource of [`${world.url}/gw/any`, 'http://localhost:8000']) expect(await ask(resource)).toEqual([200, 1])
})
