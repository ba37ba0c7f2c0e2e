/** The gateway, and a Worker that only passes requests on. Both call an upstream in a separate process. */
import type { Case } from './bench-cases.ts'
import type { World } from './bench-world.ts'
import type { Bundle, Service } from './worker.ts'

export const PASS_THROUGH = 'pass-through'
export const GATEWAY = 'gateway busy'

const SLUG = 'bench'
const INSERT = `insert into gateway_routes (id, slug, match_path_prefix, upstream, strip_prefix, add_headers, timeout_ms, scopes, cost, limits, meter, public_paths, is_enabled)
values (gen_random_uuid(), $1, '/', $2, false, '{}', 60000, '{}', 1, '{}', '"requests"', '{}', true)`

interface Parts {
  /** A Tollgate Worker. */
  readonly tollgate: Service
  readonly forward: Bundle
  readonly upstreamUrl: string
  readonly key: string
}

export async function buildGatewayCases(
  { sql }: World,
  { tollgate, forward, upstreamUrl, key }: Parts,
): Promise<Case[]> {
  await sql.query(INSERT, [SLUG, upstreamUrl])
  const headers = { Authorization: `Bearer ${key}` }
  const how = { headers, expected: 'kilobyte' }
  const own = { ...tollgate.variables, PUBLIC_URL: 'http://localhost:8000' } // allows forwarding to this machine
  return [
    {
      name: PASS_THROUGH,
      services: { forward: { bundle: forward, variables: { UPSTREAM: upstreamUrl } } },
      path: '/kilobyte',
      how,
    },
    { name: GATEWAY, services: { tollgate: { ...tollgate, variables: own } }, path: `/gw/${SLUG}/kilobyte`, how },
  ]
}
