/** A client that requests of a Worker share. What one of them has begun may never end: its request may be over. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type LostEvent, Tollgate, type UsageEvent } from '../../../packages/tollgate/src/index.ts'

const ACCEPTED = { accepted: 1, duplicates: 0, conflicts: [], rejected: [] }

beforeEach(() => vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' }))
afterEach(() => vi.unstubAllGlobals())

/** A client whose events of the key `hung` are never answered, and those of `down` are not taken. */
function shared() {
  const [sent, lost]: [string[], LostEvent[]] = [[], []]
  async function fetch(request: Request): Promise<Response> {
    const { events } = (await request.json()) as { events: UsageEvent[] }
    const keys = events.map(({ key_id }) => key_id ?? '')
    sent.push(...keys)
    if (keys.includes('hung')) return new Promise(() => undefined)
    return keys.includes('down') ? new Response(null, { status: 503 }) : Response.json(ACCEPTED)
  }
  const usage = { onLost: (events: readonly LostEvent[]) => void lost.push(...events) }
  const options = { baseUrl: 'https://tollgate.example.com', serviceKey: 'svc', retries: 0, timeoutMs: 2_000_000_000 }
  return { sent, lost, client: new Tollgate({ ...options, usage, fetch }) }
}

test('a flush that never ends holds up neither the reports nor the flushes of later requests', async () => {
  const { client, sent } = shared()
  client.usage.record({ key_id: 'hung' })
  void client.usage.flush()
  await client.usage.keep({ key_id: 'a' })
  await client.usage.report({ key_id: 'b' })
  client.usage.record({ key_id: 'c' })
  await client.usage.flush()
  expect(sent.toSorted()).toEqual(['a', 'b', 'c', 'hung'])
})

test('a report sends its own events twice, and no others; then they are lost', async () => {
  const { client, sent, lost } = shared()
  client.usage.record({ key_id: 'waits' })
  await client.usage.report({ key_id: 'down' })
  expect(sent).toEqual(['down', 'down'])
  expect(lost).toMatchObject([{ event: { key_id: 'down' }, reason: 'unavailable' }])
  await client.usage.flush()
  expect(sent.at(-1)).toBe('waits')
})
