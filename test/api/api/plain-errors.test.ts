import { expect, inject, test } from 'vitest'
import { administrator, call, newUser } from '../../support/http.ts'
import { type Operation, openApi, type Schema } from '../../support/openapi.ts'

const { document, operations } = await openApi()
const ID = '01900000-0000-7000-8000-000000000000'
const [{ token }, admin] = [await newUser(), await administrator()]
const ownId = (await call('GET /api/v1/auth/me', { token })).body.organization_id as string

const credential = ({ line, allow }: Operation) => {
  if (allow === 'anyone') return undefined
  if (line.endsWith('/keys/verify')) return inject('credentials').service_key
  return allow === 'administrator' ? admin : token
}

const resolve = (schema: Schema): Schema =>
  schema.$ref ? resolve(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] as Schema) : schema

/** A value of a type that no field accepts, in place of the right one. */
const WRONG = [null, [[]], { a: { b: 1 } }, -1.5, true, '', '\0']

/** Zod's own wording, and words of JavaScript rather than JSON. */
const RAW = /^(Invalid|Too (big|small)|Unrecognized|Expected)|undefined|, received|NaN|\/\^/

test.for(operations.filter(({ body }) => body))(
  '$line explains in plain words what is wrong',
  async (operation, { expect }) => {
    const path = operation.line.replaceAll(/\{(\w+)\}/g, (_, name) => (name === 'organization_id' ? ownId : ID))
    const bearer = credential(operation)
    const { properties = {} } = resolve(operation.body as Schema)
    const bodies = [
      {},
      ...WRONG.map((value) => Object.fromEntries(Object.keys(properties).map((name) => [name, value]))),
    ]
    const messages = new Set<string>()
    for (const body of bodies) {
      const { errors = [] } = (await call(path, { ...(bearer && { token: bearer }), body })).body
      for (const { message } of errors as { message: string }[]) messages.add(message)
    }

    expect([...messages].filter((message) => RAW.test(message))).toEqual([])
  },
)

test('and so does every query parameter', async () => {
  const messages = new Set<string>()
  for (const operation of operations.filter(({ line }) => line.startsWith('GET '))) {
    const path = operation.line.replaceAll(/\{(\w+)\}/g, (_, name) => (name === 'organization_id' ? ownId : ID))
    const bearer = credential(operation)
    const query = [
      'limit',
      'cursor',
      'from',
      'to',
      'status',
      'by',
      'organization_id',
      'key_id',
      'period',
      'sort',
      'state',
    ]
    const { errors = [] } = (
      await call(`${path}?${query.map((name) => `${name}=%00`).join('&')}`, { ...(bearer && { token: bearer }) })
    ).body
    for (const { message } of errors as { message: string }[]) messages.add(message)
  }

  expect(messages.size).toBeGreaterThan(5)
  expect([...messages].filter((message) => RAW.test(message))).toEqual([])
})
