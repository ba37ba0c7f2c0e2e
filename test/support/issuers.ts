import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import { directly } from './direct.ts'
import { call, newUser } from './http.ts'

/** An issuer of the local stack that no other test knows, and an organization that its tokens name. */
export async function newIssuer(more: Record<string, unknown> = {}) {
  const name = `issuer-${crypto.randomUUID()}`
  const issuer = `${env.STACK_URL}/issuers/jwks/${name}`
  const settings = {
    issuer,
    jwks_url: issuer,
    audience: 'tollgate',
    algorithms: ['ES256'],
    organization_claim: 'org_id',
    ...more,
  }
  const ask = async (method: string, path: string, body?: unknown) => {
    const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) }
    const response = await fetch(`${env.STACK_URL}${path}`, init)
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`)
    return response.status === 204 ? undefined : response.json<Record<string, unknown>>()
  }

  return {
    name,
    issuer,
    variables: { TRUSTED_ISSUERS: JSON.stringify([settings]) },
    /** Signs claims; `null` leaves one out. */
    async sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string> {
      const all = { aud: 'tollgate', sub: 'user_1', ...claims }
      const signed = await ask('POST', `/issuers/tokens/${name}`, { claims: all, ...(header && { header }) })
      return String(signed?.token)
    },
    keys: async () => (await ask('GET', `/issuers/jwks/${name}`)) as { keys: Record<string, string>[] },
    rotate: (keepOld = true) => ask('POST', `/issuers/rotations/${name}`, { keep_old: keepOld }),
    /** Returns anything else in place of the keys. */
    answer: (body: string, status = 200, headers = {}) =>
      ask('PUT', `/issuers/answers/${name}`, { body, status, headers }),
    recover: () => ask('DELETE', `/issuers/answers/${name}`),
    fault: (fault: Record<string, unknown>) =>
      ask('POST', '/control/faults', { door: 'issuers', match: name, ...fault }),
  }
}

export type Issuer = Awaited<ReturnType<typeof newIssuer>>

/** An organization with an external id, and a member with an account. */
export async function newCustomer() {
  const owner = await newUser()
  const externalId = `customer ${crypto.randomUUID()}`
  const id = owner.user.organization_id as string
  await directly().sql.query('update organizations set external_id = $1 where id = $2', [externalId, id])
  return { id, externalId, token: owner.token }
}

/** Counts how often an issuer's keys are fetched while `work` runs. */
export async function countFetches({ issuer }: Issuer, work: () => Promise<unknown>): Promise<number> {
  const spy = vi.spyOn(globalThis, 'fetch')
  try {
    await work()
    return spy.mock.calls.filter(([input]) => String(input instanceof Request ? input.url : input) === issuer).length
  } finally {
    spy.mockRestore()
  }
}

/** The last audit row of an organization. */
export async function lastAct(token: string) {
  const { body } = await call('GET /api/v1/audit-logs?limit=1', { token })
  return body.data[0]
}
