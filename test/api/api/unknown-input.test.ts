import { exports } from 'cloudflare:workers'
import { describe, expect, inject, test } from 'vitest'
import { Tollgate } from '../../../src/rpc.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'
import { type Operation, openApi, type Schema } from '../../support/openapi.ts'

const { document, operations } = await openApi()
const ID = '01900000-0000-7000-8000-000000000000'
/** Id of a ledger row: a malformed one is refused before the body is checked. */
const idIn = ({ line }: Operation) => (line.includes('/ledger/{id}') ? `${ID}:api_calls:1793491200:0` : ID)
const MISSPELT = 'unknwon_field'
/** Filters of events, where an empty value selects those without one. */
const ASK_FOR_NONE = new Set(['endpoint', 'model', 'provider', 'route', 'environment'])
/** Names that every object inherits. */
const UNKNOWN = [MISSPELT, '__proto__', 'constructor', 'toString']
/** Own members, `__proto__` too. */
const unknown: object = Object.fromEntries(UNKNOWN.map((name) => [name, 1]))
const [{ token }, admin] = [await newUser(), await administrator()]
const tokenFor = ({ line, allow }: Operation) =>
  line.endsWith('/keys/verify')
    ? inject('credentials').service_key
    : allow === 'anyone'
      ? undefined
      : allow === 'administrator'
        ? admin
        : token

/** An id that passes the guard: the caller's organization, else an unknown one. */
const ask = (operation: Operation, query = '', body: unknown = operation.body && {}) => {
  const own = ownId
  const path = operation.line.replaceAll(/\{(\w+)\}/g, (_, name) =>
    name === 'organization_id' ? own : idIn(operation),
  )
  const bearer = tokenFor(operation)
  return call(`${path}${query}`, { ...(bearer && { token: bearer }), ...(body !== undefined && { body }) })
}
const ownId = (await call('GET /api/v1/auth/me', { token })).body.organization_id as string

const resolve = (schema: Schema): Schema =>
  schema.$ref ? resolve(document.components.schemas[schema.$ref.split('/').at(-1) ?? '']) : schema

/** Whether the names in an object are meters, which the catalog checks (test/api/admin/custom-limits.test.ts). */
const isByMeter = (schema: Schema, path: string) =>
  typeof resolve(schema).additionalProperties === 'object' && /\.(meters|overage)$/.test(path)

function choicesOf(schema: Schema): Schema[] {
  const { anyOf, oneOf } = resolve(schema) as Schema & { anyOf?: Schema[]; oneOf?: Schema[] }
  return anyOf ?? oneOf ?? []
}

/** Every object that a body may contain, as bodies with unknown fields only there, with its path. */
function* misspelt(schema: Schema, path: string): Generator<[unknown, string]> {
  const { properties, items } = resolve(schema)
  for (const one of choicesOf(schema)) yield* misspelt(one, path)
  if (properties && !isByMeter(schema, path)) yield [unknown, path]
  for (const [name, member] of Object.entries(properties ?? {}))
    for (const [inner, at] of misspelt(member, `${path}.${name}`)) yield [{ [name]: inner }, at]
  if (items) for (const [inner, at] of misspelt(items, `${path}.0`)) yield [[inner], at]
}

const errorsOf = ({ body }: { body: any }): { path: string; message: string }[] => body.errors ?? []

describe.each(operations.map((operation) => [operation.line, operation] as const))('%s', (_, operation) => {
  const known = operation.parameters.filter((parameter) => parameter.in === 'query')

  test('refuses an unknown query parameter by name', async () => {
    const answer = await ask(operation, '?unknwon_parameter=1')
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    const found = errorsOf(answer).find(({ path }) => path === 'query.unknwon_parameter')
    expect(found?.message).toContain('unknown query parameter `unknwon_parameter`')
  })

  test('refuses names that every object inherits, and unknown ones without a value or repeated', async () => {
    const guarded = known.some(({ name }) => name === 'organization_id') ? [] : ['organization_id']
    for (const name of [...UNKNOWN, ...guarded])
      for (const query of [`${name}=1`, `${name}=`, name, `${name}=1&${name}=2`]) {
        const answer = await ask(operation, `?${query}`)
        expect(answer, query).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
        const found = errorsOf(answer).filter(({ path }) => path === `query.${name}`)
        expect(
          found.map(({ message }) => message),
          query,
        ).toEqual([expect.stringContaining(`parameter \`${name}\``)])
      }
  })

  test('refuses a parameter without a name', async () => {
    for (const query of ['=1', '=', '%3D=1&=2'])
      expect(await ask(operation, `?${query}`), query).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  test.skipIf(known.length === 0)('refuses by name a known parameter that is repeated or has no value', async () => {
    for (const { name } of known) {
      for (const query of [`${name}=1&${name}=1`, `${name}=&${name}`, `${name}=1&x=1&${name}=2`]) {
        const answer = await ask(operation, `?${query}`)
        expect(answer, query).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
        expect(
          errorsOf(answer).map(({ path }) => path),
          query,
        ).toContain(`query.${name}`)
      }
      if (ASK_FOR_NONE.has(name)) continue
      for (const query of [`${name}=`, name]) {
        const answer = await ask(operation, `?${query}`)
        expect(answer, query).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
        expect(
          errorsOf(answer).map(({ path }) => path),
          query,
        ).toContain(`query.${name}`)
      }
    }
  })

  test('refuses an unknown field by name, in every object of its body', async () => {
    const nothing: [unknown, string][] = [[unknown, 'body']]
    const bodies = operation.body ? [...misspelt(operation.body, 'body')] : nothing
    if (operation.line.startsWith('GET')) return
    expect(bodies.length).toBeGreaterThan(0)
    for (const [body, path] of bodies) {
      if (path.startsWith('body.events.0')) continue // each event is checked on its own, and reported in a 200
      const answer = await ask(operation, '', body)
      expect(answer, JSON.stringify(body)).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
      for (const name of UNKNOWN) {
        const found = errorsOf(answer).find((one) => one.path === `${path}.${name}`)
        expect(found?.message, `${path} ${JSON.stringify(answer.body)}`).toContain(`unknown field \`${name}\``)
      }
    }
  })

  test('declares in the document that it accepts nothing else', () => {
    const loose: string[] = []
    const look = (schema: Schema, path: string): void => {
      const { properties, items, additionalProperties } = resolve(schema)
      if (properties && additionalProperties !== false && !isByMeter(schema, path)) loose.push(path)
      for (const [name, member] of Object.entries(properties ?? {})) look(member, `${path}.${name}`)
      if (items) look(items, `${path}.0`)
    }
    if (operation.body) look(operation.body, 'body')
    expect(loose).toEqual([])
  })
})

test('the nearest known name is suggested', async () => {
  const { keyId, token: owner } = await newKeyHolder()
  const body = { name: 'Key', allowedIps: ['192.0.2.1'], expiresAt: '2030-01-01T00:00:00Z', enabled: false }
  const issued = await call('POST /api/v1/auth/api-keys', { token: owner, body })
  expect(issued).toMatchObject({
    status: 400,
    body: {
      errors: [
        { path: 'body.allowedIps', message: 'unknown field `allowedIps`; did you mean `allowed_ips`?' },
        { path: 'body.expiresAt', message: 'unknown field `expiresAt`; did you mean `expires_at`?' },
        { path: 'body.enabled', message: 'unknown field `enabled`' },
      ],
    },
  })
  const changed = await call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token: owner, body: { enabled: false } })
  expect(changed).toMatchObject({ status: 400, body: { errors: [{ path: 'body.enabled' }] } })
  const listed = await call('GET /api/v1/auth/api-keys?created-by=x', { token: owner })
  expect(errorsOf(listed)).toEqual([
    { path: 'query.created-by', message: 'unknown query parameter `created-by`; did you mean `created_by`?' },
  ])
})

test('a response does not grow with the unknown fields it names', async () => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`field_${at}_${'x'.repeat(20)}`, 1]))
  const answer = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'Key', ...many } })
  expect(errorsOf(answer).length).toBeLessThanOrEqual(50)
  expect(JSON.stringify(answer.body).length).toBeLessThan(20_000)
  const long = await call('POST /api/v1/auth/api-keys', {
    token,
    body: { name: 'Key', [`x\r\n${'y'.repeat(100_000)}`]: 1 },
  })
  expect(JSON.stringify(long.body).length).toBeLessThan(2_000)
})

test('an unknown field of a usage event is reported with the event, and the other events are counted', async () => {
  const events = [{ queries: 1 }, { queries: 1, promt: 3 }, { queries: 1, endpont: '/v1' }]
  const { status, body } = await call('POST /api/v1/usage', { token, body: { events } })
  expect({ status, accepted: body.accepted }).toEqual({ status: 200, accepted: 1 })
  expect(body.rejected).toMatchObject([
    { index: 1, code: 'invalid_event', detail: expect.stringContaining('unknown field `promt`') },
    { index: 2, code: 'invalid_event', detail: expect.stringContaining('did you mean `endpoint`?') },
  ])
})

test('a body with free names refuses `__proto__` instead of dropping it', async () => {
  const own = JSON.parse('{"__proto__":1,"x":1}') as object
  const refused = { status: 400, body: { code: 'invalid_request' } }
  const issued = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'Key', metadata: own } })
  expect(issued).toMatchObject(refused)
  expect(errorsOf(issued)).toEqual([{ path: 'body.metadata.__proto__', message: 'unknown field `__proto__`' }])
  const verify = { token: inject('credentials').service_key, body: { key: 'pk_test_nothing', limits: own } }
  expect(errorsOf(await call('POST /api/v1/keys/verify', verify))).toMatchObject([{ path: 'body.limits.__proto__' }])
  const rpc = await exports.Tollgate.verifyKey({ key: 'pk_test_nothing', limits: own as Record<string, number> })
  expect(rpc).toMatchObject({ code: 'INVALID_REQUEST', problem: { errors: [{ path: 'body.limits.__proto__' }] } })
  const plan = { token: admin, body: { features: own } }
  expect(errorsOf(await call('PATCH /api/v1/admin/plans/free', plan))).toMatchObject([
    { path: 'body.features.__proto__' },
  ])
})

test('an event that names `__proto__` is refused alone, even as a CloudEvent', async () => {
  const own = (more: string) => `{${more}"__proto__":{"queries":5}}`
  const batch = await call('POST /api/v1/usage', { token, body: `{"events":[{"queries":1},${own('"queries":1,')}]}` })
  expect(batch.body).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: 'invalid_event' }] })
  const event = `{"specversion":"1.0","id":"e","source":"/s","type":"t","data":${own('"queries":1,')}}`
  const headers = { 'Content-Type': 'application/cloudevents+json' }
  const cloud = await call('POST /api/v1/usage', { token, headers, body: event })
  expect(cloud.body.rejected).toMatchObject([{ detail: expect.stringContaining('unknown field `__proto__`') }])
})

test('metadata may have any names', async () => {
  const body = { name: 'Key', metadata: { anyThing: { at: ['all'] } } }
  expect(await call('POST /api/v1/auth/api-keys', { token, body })).toMatchObject({ status: 201, body })
})

describe('over the service binding', () => {
  const methods = Object.getOwnPropertyNames(Tollgate.prototype).filter((name) => name !== 'constructor')
  test.each(methods)('%s refuses an unknown field by name', async (method) => {
    const ask = (exports.Tollgate as any)[method] as (input: unknown) => Promise<any>
    const failure = await ask(unknown)
    expect(failure).toMatchObject({ valid: false, granted: false, code: 'INVALID_REQUEST' })
    for (const name of UNKNOWN) {
      const found = failure.problem.errors.find(({ path }: { path: string }) => path === `body.${name}`)
      expect(found?.message, name).toContain(`unknown field \`${name}\``)
    }
  })
})

describe('the form of a request', () => {
  const login = (headers: Record<string, string>) =>
    call('POST /api/v1/auth/login', { body: { email: 'nobody@example.com' }, headers })

  test.each(['application/json;', 'application/json ; charset=utf-8', 'Application/JSON; Charset="UTF-8"'])(
    'of the type %s is accepted',
    async (type) => {
      const errors = [{ path: 'body.password' }]
      expect(await login({ 'Content-Type': type })).toMatchObject({ status: 400, body: { errors } })
    },
  )

  test('in another charset or compressed is a 415 that says so', async () => {
    const utf16 = await login({ 'Content-Type': 'application/json; charset=utf-16' })
    expect(utf16).toMatchObject({ status: 415, body: { detail: expect.stringContaining('utf-16') } })
    const gzip = await login({ 'Content-Encoding': 'gzip' })
    expect(gzip).toMatchObject({ status: 415, body: { detail: expect.stringContaining('Content-Encoding') } })
  })
})

test('addresses are built from the configuration, never from the Host of the request', async () => {
  const response = await exports.default.fetch('https://evil.test/api/v1/auth/me')
  const text = await response.text()
  expect(JSON.parse(text).type).toBe('https://tollgate.test/docs#unauthenticated')
  expect(text).not.toContain('evil.test')
})
