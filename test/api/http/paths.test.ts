import { describe, expect, inject, test } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { directly, send } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, randomIp } from '../../support/http.ts'
import { type Operation, openApi } from '../../support/openapi.ts'

const { operations } = await openApi()
const ID = '01900000-0000-7000-8000-000000000000'
const [{ token }, admin] = [await newUser(), await administrator()]
const tokenFor = ({ allow, line }: Operation) =>
  line.endsWith('/keys/verify') ? inject('credentials').service_key : allow === 'administrator' ? admin : token

/** Other spellings of a path: each of them is the same route. */
const SPELLINGS: Readonly<Record<string, (path: string) => string>> = {
  'a slash at the end': (path) => `${path}/`,
  'three slashes at the end': (path) => `${path}///`,
  'double slashes': (path) => path.replaceAll('/', '//'),
}

/** The parts of a response that do not differ between requests. */
async function digest(answer: Response) {
  const {
    request_id: _,
    challenge: __,
    ...body
  } = ((await answer.json().catch(() => ({}))) ?? {}) as Record<string, unknown>
  const headers = [
    'Content-Type',
    'Allow',
    'WWW-Authenticate',
    'Location',
    'Access-Control-Allow-Origin',
    'Content-Security-Policy',
  ]
  return { status: answer.status, body, headers: headers.map((name) => answer.headers.get(name)) }
}

const JSON_TYPE = { 'Content-Type': 'application/json' }
const TOO_LARGE = JSON.stringify({ text: ' '.repeat(1_200_000) })

/** What must be refused alike: without a credential, with a wrong kind, and by the rules for bodies and queries. */
function refusals(operation: Operation): Record<string, [string, RequestInit]> {
  const bearer = { Authorization: `Bearer ${tokenFor(operation)}` }
  const takesBody = !operation.line.startsWith('GET')
  return {
    'no credential': ['', {}],
    'a wrong credential': ['', { headers: { Authorization: 'Bearer a.b.c' } }],
    'a credential in the URL': ['?api_key=pk_live_nothing', {}],
    'an unknown parameter': ['?unheard_of=1', { headers: bearer }],
    ...(takesBody && {
      'an unknown field': ['', { headers: { ...JSON_TYPE, ...bearer }, body: '{"unheard_of":1}' }],
      'another type': ['', { headers: { 'Content-Type': 'text/plain', ...bearer }, body: 'x' }],
      'a body too large': ['', { headers: { ...JSON_TYPE, ...bearer }, body: TOO_LARGE }],
    }),
  }
}

describe.each(operations.map((operation) => [operation.line, operation] as const))('%s', (line, operation) => {
  const [method, path = ''] = line.replaceAll(/\{\w+\}/g, ID).split(' ')
  test('refuses under every spelling of its path what it refuses under its own', async () => {
    for (const [what, [query, init]] of Object.entries(refusals(operation))) {
      const plain = await digest(await send(`${method} ${path}${query}`, init))
      for (const [spelling, spell] of Object.entries(SPELLINGS))
        expect(await digest(await send(`${method} ${spell(path)}${query}`, init)), `${what}, ${spelling}`).toEqual(
          plain,
        )
    }
  })
})

describe('another spelling of a path', () => {
  test('is the same route: its method, its body and its response', async () => {
    const { token, user } = await newUser()
    expect((await call('GET /api/v1/auth/me/', { token })).body).toMatchObject({ id: user.id })
    expect((await call('GET //api//auth//me//', { token })).body).toMatchObject({ id: user.id })
    const issued = await call('POST /api/v1/auth/api-keys//', { token, body: { name: 'Slashed' } })
    expect(issued).toMatchObject({ status: 201, body: { name: 'Slashed' } })
    expect(await call('DELETE /api/v1/auth/login/')).toMatchObject({
      status: 405,
      body: { code: 'method_not_allowed' },
    })
    expect(await call('GET /api/v1/nothing/')).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect((await call('GET /health/live/')).status).toBe(200)
    expect((await send('GET //')).headers.get('Location')).toBe('/dashboard')
  })

  test('verifies a key with the same credential and against the same limit', async () => {
    const { key } = await newKeyHolder({ custom_rate_limit: 1 })
    const verify = { token: inject('credentials').service_key, body: { key } }
    expect((await call('POST /api/v1/keys/verify/', verify)).body).toMatchObject({ valid: true })
    expect((await call('POST /api/v1//keys/verify', verify)).body).toMatchObject({ code: 'RATE_LIMITED' })
    expect((await call('POST /api/v1/keys/verify/', { body: { key } })).status).toBe(401)
  })

  test('counts against the same limit per address, and shares the idempotency key', async () => {
    const { token } = await newUser()
    const make = (path: string) =>
      call(`POST ${path}`, { token, body: { name: 'Once' }, headers: { 'Idempotency-Key': 'slashed' } })
    const first = await make('/api/v1/auth/api-keys')
    expect((await make('/api/v1/auth/api-keys/')).body).toEqual(first.body)
    expect((await make('/api//auth/api-keys')).body).toEqual(first.body)
    const [ip, deps] = [randomIp(), directly()]
    await Promise.all(Array.from({ length: 600 }, () => enforceRateLimits(deps, { refresh_address: { address: ip } })))
    const refresh = (path: string) => call(`POST ${path}`, { ip, body: { refresh_token: 'rt_unknown' } })
    expect((await refresh('/api/v1/auth/refresh')).status).toBe(429)
    expect((await refresh('/api/v1/auth/refresh/')).status).toBe(429)
    expect((await refresh('/api//auth//refresh')).status).toBe(429)
  })
})

describe('what is said twice', () => {
  const withQuery = operations.flatMap((operation) =>
    operation.parameters
      .filter((one) => one.in === 'query')
      .map(({ name }) => [operation.line, name, operation] as const),
  )
  test.each(withQuery)('%s refuses `%s` twice, by name', async (line, name, operation) => {
    const path = line.replaceAll(/\{\w+\}/g, ID)
    const answer = await call(`${path}?${name}=1&${name}=1`, {
      token: tokenFor(operation),
      ...(operation.body && { body: {} }),
    })
    expect([400, 404]).toContain(answer.status)
    if (answer.status === 400)
      expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(`query.${name}`)
  })

  test('in JSON counts as its last occurrence', async () => {
    const { token } = await newUser()
    const answer = await call('POST /api/v1/auth/api-keys', { token, body: '{"name":"One","name":"Other"}' })
    expect(answer).toMatchObject({ status: 201, body: { name: 'Other' } })
    const twice = '{"name":"One","scopes":"all","scopes":["answers:read"]}'
    expect((await call('POST /api/v1/auth/api-keys', { token, body: twice })).body.scopes).toEqual(['answers:read'])
  })
})
