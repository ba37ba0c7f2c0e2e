import { describe, expect, test } from 'vitest'
import { send } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, verify } from '../../support/http.ts'
import { departures, type Operation, openApi, type Schema, typesOf } from '../../support/openapi.ts'

const { document, operations } = await openApi()
const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const concrete = ({ line }: Operation) => line.replaceAll(/\{\w+\}/g, UNKNOWN)
const bodyOf = ({ body }: Operation) => (body ? { body: {} } : {})

/** Every schema of the document, with where it stands. */
function* schemas(node: unknown, path = '#'): Generator<[string, Schema]> {
  if (typeof node !== 'object' || node === null) return
  if ('type' in node || '$ref' in node) yield [path, node as Schema]
  for (const [name, member] of Object.entries(node)) if (name !== 'example') yield* schemas(member, `${path}/${name}`)
}

describe('GET /openapi.json', () => {
  test('is OpenAPI 3.1, with everything that the specification requires', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
    expect(document.servers[0].url).toMatch(/^https?:\/\//)
    expect(operations.length).toBeGreaterThan(15)
    for (const path of Object.keys(document.paths)) expect(path).toMatch(/^\//)
  })

  test.each(operations.map((operation) => [operation.line, operation] as const))(
    '%s describes its purpose, its input, and its responses',
    (_, { line, raw, parameters, responses, allow, security }) => {
      expect(raw.summary).toEqual(expect.any(String))
      const inPath = [...line.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const declared = parameters.filter((one) => one.in === 'path')
      expect(declared.map(({ name }) => name)).toEqual(inPath)
      for (const parameter of declared) expect(parameter.required).toBe(true)
      expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true)
      for (const [status, { description, content }] of Object.entries(responses)) {
        expect(status).toMatch(/^[1-5]\d\d$/)
        expect(description.length).toBeGreaterThan(0)
        if (Number(status) >= 400) expect(Object.keys(content ?? {})).toEqual(['application/problem+json'])
      }
      if (allow !== 'anyone') {
        expect(security?.length).toBeGreaterThan(0)
        expect(responses).toHaveProperty('401')
        expect(responses).toHaveProperty('403')
      }
      for (const name of (security ?? []).flatMap((scheme) => Object.keys(scheme)))
        expect(document.components.securitySchemes).toHaveProperty(name)
    },
  )

  test('refers only to what it contains, and its defaults match their types', () => {
    for (const [path, schema] of schemas({ ...document, components: { schemas: document.components.schemas } })) {
      if (typeof schema.$ref === 'string') {
        const parts = schema.$ref.slice(2).split('/')
        expect(
          parts.reduce((node: any, part) => node?.[part], document),
          path,
        ).toBeDefined()
      }
      if ('default' in schema && 'type' in schema)
        expect(departures(schema.default, schema, document), path).toEqual([])
      if (typeof schema.type !== 'string' && !Array.isArray(schema.type)) continue
      const known = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']
      expect(known, path).toEqual(expect.arrayContaining([...typesOf(schema)]))
      expect(schema, path).not.toHaveProperty('nullable')
    }
  })

  test('lists the problem codes, and contains no name of a secret', () => {
    expect(document.components.schemas.Problem.properties.code.enum).toContain('invalid_request')
    expect(JSON.stringify(document)).not.toMatch(/password_hash|key_hash|token_hash/)
  })

  test('has every route of the specification that exists by now', () => {
    const lines = operations.map(({ line }) => line)
    expect(lines).toEqual(
      expect.arrayContaining([
        'POST /api/v1/auth/register',
        'POST /api/v1/auth/login',
        'POST /api/v1/auth/refresh',
        'POST /api/v1/auth/logout',
        'GET /api/v1/auth/me',
        'PUT /api/v1/auth/me',
        'POST /api/v1/auth/password/change',
        'PUT /api/v1/auth/password',
        'POST /api/v1/auth/api-keys',
        'POST /api/v1/auth/api-keys/generate',
        'GET /api/v1/auth/api-keys',
        'GET /api/v1/auth/api-keys/{id}',
        'DELETE /api/v1/auth/api-keys/{id}',
        'POST /api/v1/keys/verify',
        'GET /api/v1/auth/usage/stats',
        'POST /api/v1/usage',
        'GET /api/v1/quotas',
        'PUT /api/v1/admin/organizations/{organization_id}/quotas',
      ]),
    )
  })
})

describe('a documented route', () => {
  test.each(operations.map((operation) => [operation.line, operation] as const))(
    '%s exists, and its response to an anonymous caller is declared',
    async (_, operation) => {
      const { status } = await call(concrete(operation), bodyOf(operation))
      expect([404, 405]).not.toContain(status)
      expect(Object.keys(operation.responses)).toContain(String(status))
      if (operation.allow !== 'anyone') expect(status).toBe(401)
    },
  )

  test.each(
    operations.filter(({ allow }) => allow !== 'anyone').map((operation) => [operation.line, operation] as const),
  )('%s authenticates before it looks at anything else', async (_, operation) => {
    const challenge = await call(concrete(operation), bodyOf(operation))
    expect(challenge).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(challenge.headers.get('WWW-Authenticate')).toMatch(/^Bearer/)
    for (const token of ['nonsense', 'a.b.c', 'ck_live_nonsense']) {
      expect((await call(concrete(operation), { ...bodyOf(operation), token })).status).toBe(401)
    }
  })

  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
  test.each(Object.keys(document.paths))('%s accepts the documented methods and no others', async (path) => {
    const asked = path.replaceAll(/\{\w+\}/g, UNKNOWN)
    const documented = operations.flatMap(({ line }) => {
      const [method = '', template = ''] = line.split(' ')
      return new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(asked) ? [method] : []
    })
    for (const method of methods.filter((one) => !documented.includes(one))) {
      const { status, headers } = await send(`${method} ${asked}`)
      expect(`${method} ${status}`).toBe(`${method} 405`)
      const allow = (headers.get('Allow') ?? '').split(/, ?/).filter((one) => one !== 'HEAD' && one !== 'OPTIONS')
      expect(allow.toSorted()).toEqual(documented.toSorted())
    }
  })
})

test('successful responses match the document exactly', async () => {
  const { token, key, keyId, organizationId, ...person } = await newKeyHolder({
    scopes: ['a:b'],
    metadata: { team: 1 },
  })
  await verify(key, { endpoint: '/v1/answers' })
  const credentials = { email: person.email, password: person.password }
  const name = { name: 'Of the contract' }
  const answers: [string, string, Parameters<typeof call>[1]][] = [
    ['POST /api/v1/auth/register', '', { body: { ...credentials, email: `c-${crypto.randomUUID()}@example.com` } }],
    ['POST /api/v1/auth/login', '', { body: credentials }],
    ['POST /api/v1/auth/refresh', '', { body: { refresh_token: person.refreshToken } }],
    ['GET /api/v1/auth/me', '', { token }],
    ['PUT /api/v1/auth/me', '', { token, body: name }],
    ['POST /api/v1/auth/api-keys', '', { token, body: name }],
    ['GET /api/v1/auth/api-keys', '', { token }],
    ['GET /api/v1/auth/api-keys/{id}', keyId, { token }],
    ['GET /api/v1/auth/usage/stats', '', { token }],
    ['GET /api/v1/quotas', '', { token }],
    ['POST /api/v1/usage', '', { token, body: { events: [{}, { queries: -1 }] } }],
    ['POST /api/v1/webhook-endpoints', '', { token, body: { url: 'https://hooks.example.com/' } }],
    ['GET /api/v1/webhook-endpoints', '', { token }],
    ['GET /api/v1/usage/alerts', '', { token }],
    ['GET /api/v1/usage/alerts/thresholds', '', { token }],
    [
      'PUT /api/v1/admin/organizations/{organization_id}/quotas',
      organizationId,
      { token: await administrator(), body: {} },
    ],
  ]
  for (const [line, id, options] of answers) {
    const { status, body } = await call(line.replace(/\{(organization_)?id\}/, id), options)
    const schema = operations.find((one) => one.line === line)?.responses[status]?.content?.['application/json']?.schema
    expect(schema, `${line} ${status}`).toBeDefined()
    expect(departures(body, schema ?? {}, document), line).toEqual([])
  }
  const verdicts = document.components.schemas.Verdict
  for (const one of [key, 'nonsense']) expect(departures((await verify(one)).body, verdicts, document)).toEqual([])
  expect(departures((await call('GET /api/v1/auth/me')).body, document.components.schemas.Problem, document)).toEqual(
    [],
  )
})
