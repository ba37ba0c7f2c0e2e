import { createHash } from 'node:crypto'
/** A deployed Tollgate with a gateway, and the operator who creates its routes. */
import { vi } from 'vitest'
import { openWorld } from '../../../bench/bench-world.ts'
import { startWorkerd } from '../../../bench/worker.ts'
import { ACCESS_PREFIX, buildKey } from '../../../src/verification/key-format.ts'
import { builtWorker } from '../built-worker.ts'

export type GatewayWorld = Awaited<ReturnType<typeof startGateway>>

type Json = Record<string, unknown>

export const bearer = (key: string, more: Record<string, string> = {}) => ({ Authorization: `Bearer ${key}`, ...more })

/** Awaits deferred work. */
export const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 })

/** @param variables further settings of the Worker */
export async function startGateway(variables: Readonly<Record<string, string>> = {}) {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env
  const [world, bundle] = await Promise.all([openWorld({ databaseUrl, redisUrl }), builtWorker()])
  const worker = await startWorkerd({ tollgate: { bundle, variables: { ...world.variables, ...variables } } })
  const [person = ''] = await world.registerPeople(1)
  const token = await signInAsAdministrator()

  async function signInAsAdministrator(): Promise<string> {
    await world.sql.query(
      `insert into memberships (organization_id, user_id, role)
       select o.id, u.id, 'owner' from organizations o, users u where o.is_platform and u.email = $1`,
      [JSON.parse(person).email],
    )
    const answer = await fetch(`${worker.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: person,
    })
    return ((await answer.json()) as { access_token: string }).access_token
  }

  async function call(method: string, path: string, body?: Json) {
    const answer = await fetch(`${worker.url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Json }
  }

  return {
    url: worker.url,
    stackUrl: world.stackUrl,
    sql: world.sql,
    worker,
    call,
    token,
    /** Whose token it is. */
    administrator: JSON.parse(person) as { email: string; password: string },
    /** Creates a route that this isolate knows at once. @returns its slug and its address */
    async route(upstream: string, more: Json = {}) {
      const slug = `r${crypto.randomUUID().slice(0, 8)}`
      const made = await call('POST', '/admin/routes', { slug, upstream, ...more })
      if (made.status !== 201 && made.status !== 409) throw new Error(JSON.stringify(made.body))
      return { slug, id: made.body.id as string, url: `${worker.url}/gw/${slug}` }
    },
    /** An organization with a key. With a quota it is on the plan `free`, else on `enterprise`. */
    async customer(perMinute = 100_000, quota: number | null = null) {
      const { organizationId, keys } = await world.issueKeys(1, { perMinute, quota })
      const [key = ''] = keys
      return { organizationId, key }
    },
    /** The access token of an application, for a service. */
    async tokenFor(resource: string) {
      const { organizationId } = await this.customer()
      const token = buildKey(ACCESS_PREFIX, 'live', crypto.getRandomValues(new Uint8Array(32)))
      await world.sql.query(
        `update api_keys set key_hash = decode($2, 'hex'), metadata = jsonb_build_object('resource', $3::text) where organization_id = $1`,
        [organizationId, createHash('sha256').update(token).digest('hex'), resource],
      )
      return { organizationId, token }
    },
    eventsOf: (organizationId: string) =>
      world.sql.query(
        `select method, endpoint, status_code, api_calls::int, queries::int, model from usage_events
         where organization_id = $1 order by occurred_at`,
        [organizationId],
      ),
    tokensOf: (organizationId: string) =>
      world.sql.query(
        `select input_tokens::int, cache_write_tokens::int, queries::int, quantities from usage_events
         where organization_id = $1 and input_tokens > 0`,
        [organizationId],
      ),
    /** Defines a custom counter, unless it exists. */
    async ownMeter(slug: string) {
      const made = await call('POST', '/admin/meters', { slug, name: slug, unit: slug, kind: 'counter' })
      if (made.status !== 201 && made.status !== 409) throw new Error(JSON.stringify(made.body))
    },
    async close() {
      await worker.kill()
      await world.close()
    },
  }
}
