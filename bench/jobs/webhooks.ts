/** 200 endpoints of 20 organizations, 20 of them slow: when do the other endpoints get their events? */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Deps } from '../../src/deps.ts'
import { newSecret, sealSecret } from '../../src/events/sign.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import type { RunJob } from './jobs.ts'
import { addOrganizations } from './seeds.ts'

const ORGANIZATIONS = 20
const ENDPOINTS_EACH = 10
/** An endpoint's address contains the delay of its answers: normal, late, or never. */
const QUICK_MS = 100
const LATE_MS = 9_000
const NEVER_MS = 3_600_000
const MINUTES = 2

interface Endpoint {
  readonly id: string
  readonly organizationId: string
  readonly delayMs: number
}

export async function measureWebhooks(deps: Deps, runJob: RunJob): Promise<void> {
  await deps.sql.query('delete from webhook_endpoints')
  const receivers = await openReceivers()
  try {
    const endpoints = await addEndpoints(deps, receivers.url)
    for (let minute = 1; minute <= MINUTES; minute++) {
      receivers.arrivals.clear()
      const publishedAt = Date.now()
      await publish(deps, endpoints)
      const runs = await Promise.all(['deliver-webhooks', 'deliver-slow-webhooks'].map(runJob))
      const quick = endpoints.filter(({ delayMs }) => delayMs === QUICK_MS)
      const delays = quick.map(({ id }) => (receivers.arrivals.get(id) ?? Number.POSITIVE_INFINITY) - publishedAt)
      const sorted = delays.toSorted((a, b) => a - b)
      const at = (share: number) => `${((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) / 1_000).toFixed(1)} s`
      console.log(
        `webhooks, minute ${minute}: p50 ${at(0.5)}, p95 ${at(0.95)}, last ${at(1)} of ${quick.length} | ${runs.map(({ seconds, result }) => `${seconds.toFixed(1)} s ${result}`).join(' | ')}`,
      )
    }
  } finally {
    receivers.close()
  }
}

/** A server that records when the first request for an endpoint arrived. */
async function openReceivers() {
  const arrivals = new Map<string, number>()
  const server = createServer((request, response) => {
    const [, id = '', delayMs = ''] = (request.url ?? '').split('/')
    if (!arrivals.has(id)) arrivals.set(id, Date.now())
    request.resume()
    setTimeout(() => response.writeHead(204).end(), Number(delayMs)).unref()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  function close() {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}`, arrivals, close }
}

/** Every tenth is slow: one per organization. */
async function addEndpoints(deps: Deps, url: string): Promise<Endpoint[]> {
  const organizations = await addOrganizations(deps, ORGANIZATIONS)
  const endpoints = organizations.flatMap((organizationId, row) =>
    Array.from({ length: ENDPOINTS_EACH }, (_, place) => {
      const slowMs = row % 2 === 0 ? LATE_MS : NEVER_MS
      return { id: uuidv7(Date.now()), organizationId, delayMs: place === row % ENDPOINTS_EACH ? slowMs : QUICK_MS }
    }),
  )
  for (const { id, organizationId, delayMs } of endpoints) {
    const secret = Buffer.from(await sealSecret(deps.config, id, newSecret())).toString('hex')
    await deps.sql.query(
      `insert into webhook_endpoints (id, organization_id, url, secret) values ($1, $2, $3, decode($4, 'hex'))`,
      [id, organizationId, `${url}/${id}/${delayMs}`, secret],
    )
  }
  return endpoints
}

const publish = ({ sql }: Deps, endpoints: readonly Endpoint[]) =>
  sql.query(
    `insert into webhook_deliveries (id, organization_id, endpoint_id, event_id, type, payload, next_attempt_at)
     select gen_random_uuid(), organization_id, id, 'evt_' || gen_random_uuid(), 'key.expired', '{"type": "key.expired"}', now()
     from webhook_endpoints where id = any($1::uuid[])`,
    [endpoints.map(({ id }) => id)],
  )
