import { expect, test } from 'vitest'
import { newCustomer } from '../../support/customers.ts'
import { administrator, call, newKeyHolder } from '../../support/http.ts'
import { type Operation, openApi, type Schema } from '../../support/openapi.ts'

const { document, operations } = await openApi()
const token = await administrator()

const lookUp = (schema: Schema): Schema =>
  schema.$ref ? document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] : schema

/** The names of fields of every object in a body, by where the object stands. */
function* objectsIn(given: Schema | undefined, path = 'body'): Generator<readonly [string, readonly string[]]> {
  if (!given) return
  const schema = lookUp(given)
  if (schema.properties) yield [path, Object.keys(schema.properties)]
  for (const [name, member] of Object.entries(schema.properties ?? {})) yield* objectsIn(member, `${path}.${name}`)
  yield* objectsIn(schema.items, `${path}.items`)
  for (const one of [...(schema.anyOf ?? []), ...(schema.allOf ?? [])]) yield* objectsIn(one, path)
}

const groupsOf = ({ parameters, body }: Operation) => [
  ['query', parameters.filter((one) => one.in === 'query').map(({ name }) => name)] as const,
  ...objectsIn(body),
]

test('whatever accepts an organization_id accepts an external_id as well', () => {
  const all = operations.flatMap((operation) =>
    groupsOf(operation).map(([where, names]) => ({ at: `${operation.line} ${where}`, names })),
  )
  const byId = all.filter(({ names }) => names.includes('organization_id'))
  expect(byId.length).toBeGreaterThan(40)
  expect(byId.filter(({ names }) => !names.includes('external_id')).map(({ at }) => at)).toEqual([])
})

const filtered = operations.filter(
  ({ line, allow, parameters }) =>
    allow === 'administrator' && line.startsWith('GET ') && parameters.some(({ name }) => name === 'external_id'),
)
const inQuery = filtered.filter(({ parameters }) => parameters.every((one) => one.in !== 'path'))

test.each(inQuery.map(({ line }) => line))(
  '%s finds the same organization by either name, and refuses two that disagree',
  async (line) => {
    const [{ organizationId, externalId }, { organizationId: other }] = await Promise.all([
      newCustomer(),
      newKeyHolder(),
    ])
    const needed = line.endsWith('/breakdown') ? { by: 'key' } : {}
    const ask = (query: Record<string, string>) =>
      call(`${line}?${new URLSearchParams({ ...needed, ...query }).toString()}`, { token })
    const byId = await ask({ organization_id: organizationId })
    expect(byId.status).toBe(200)
    const shown = ({ from: _from, to: _to, ...rest }: Record<string, unknown>) => rest
    expect(shown((await ask({ external_id: externalId })).body)).toEqual(shown(byId.body))
    expect(await ask({ external_id: externalId, organization_id: other })).toMatchObject({
      status: 400,
      body: { code: 'organization_mismatch' },
    })
    expect(await ask({ external_id: `nobody-${crypto.randomUUID()}` })).toMatchObject({
      status: 404,
      body: { code: 'organization_not_found' },
    })
  },
)

test('a filter by external_id leaves out other organizations', async () => {
  const [mine] = await Promise.all([newCustomer(), newKeyHolder()])
  const { body } = await call(`GET /api/v1/admin/keys?external_id=${encodeURIComponent(mine.externalId)}`, { token })
  expect(body.data.map(({ id }: { id: string }) => id)).toEqual([mine.keyId])
})
