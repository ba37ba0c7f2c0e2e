import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { management } from '../../../src/management.ts'
import { departures, openApi, type Schema } from '../../support/openapi.ts'

const { document, operations } = await openApi()
const components = Object.entries<Schema>(document.components.schemas)

/** Bodies and responses that are not problems, by their location. */
const media = operations.flatMap(({ line, raw, responses }) =>
  [['body', raw.requestBody] as const, ...Object.entries(responses).filter(([status]) => status < '300')].flatMap(
    ([place, one]) =>
      Object.entries<any>(one?.content ?? {}).map(([type, content]) => ({
        at: `${line} ${place}`,
        type,
        schema: content.schema,
        example: content.example,
      })),
  ),
)
const ofJson = media.filter(({ type }) => type === 'application/json')

/** `issueApiKey`: a word in lower case and at least one more, in letters and digits alone. */
const VERB_AND_NOUN = /^[a-z]+([A-Z][a-z0-9]*)+$/

test('every operation has a unique id that begins with a verb, for the names in generated clients', () => {
  const ids = operations.map(({ raw }) => raw.operationId)
  expect(ids.filter((id) => !VERB_AND_NOUN.test(id))).toEqual([])
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
  expect(ids).toEqual(expect.arrayContaining(['issueApiKey', 'verifyKey', 'recordUsage', 'createOrganization']))
})

test('every tag has a description and a place in the order, and is used', () => {
  const names = document.tags.map(({ name }: { name: string }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { name, description } of document.tags) expect(description, name).toMatch(/\S.*[.?]$/)
  expect(new Set(operations.flatMap(({ raw }) => raw.tags))).toEqual(new Set(names))
  expect(operations.filter(({ raw }) => raw.tags.length !== 1).map(({ line }) => line)).toEqual([])
})

describe('every schema has a name', () => {
  test('a JSON body or response is a component', () => {
    expect(ofJson.length).toBeGreaterThan(100)
    expect(ofJson.filter(({ schema }) => !schema.$ref).map(({ at }) => at)).toEqual([])
  })

  test('no object is described inside another schema', () => {
    const inline = (node: unknown, path: string): string[] => {
      if (typeof node !== 'object' || node === null) return []
      const inner = Object.entries(node).flatMap(([name, one]) => inline(one, `${path}.${name}`))
      return path.includes('.') && 'properties' in node && 'type' in node ? [path, ...inner] : inner
    }
    expect(components.flatMap(([name, schema]) => inline(schema, name))).toEqual([])
    expect(ofJson.flatMap(({ at, schema }) => inline(schema, at))).toEqual([])
  })

  test('a shared shape is one component', () => {
    const shapes = components.map(([name, schema]) => [name, JSON.stringify(schema)] as const)
    const shared = [...Map.groupBy(shapes, ([, shape]) => shape).values()].filter((alike) => alike.length > 1)
    expect(shared.map((alike) => alike.map(([name]) => name))).toEqual([])
  })

  test('a name is a valid type name', () => {
    expect(components.map(([name]) => name).filter((name) => !/^[A-Z][A-Za-z0-9]*$/.test(name))).toEqual([])
  })
})

describe('every operation has an example of its body and of its answer', () => {
  test('there is one wherever there is a schema', () => {
    const without = media.filter(({ schema, example }) => Object.keys(schema).length > 0 && example === undefined)
    expect(without.map(({ at }) => at)).toEqual([])
  })

  test.each(media.map((one) => [one.at, one.type, one] as const))(
    'that of %s (%s) matches its schema',
    (_, __, { schema, example }) => {
      if (Object.keys(schema).length > 0) expect(departures(example, schema, document)).toEqual([])
    },
  )

  test('its own route accepts each body, and could return each response', () => {
    const routes = management.openAPIRegistry.definitions.flatMap((one) => (one.type === 'route' ? [one.route] : []))
    const checked = routes.flatMap((route) => {
      const shown = document.paths[route.path][route.method]
      const answers = Object.keys(route.responses)
      return [
        judge(route.request?.body, shown.requestBody, `${shown.operationId} body`),
        ...answers.map((status) =>
          judge(route.responses[status], shown.responses[status], `${shown.operationId} ${status}`),
        ),
      ].filter((one) => one !== undefined)
    })
    expect(checked.filter(({ issues }) => issues.length > 0)).toEqual([])
    expect(checked).toHaveLength(ofJson.length)
  })
})

/** What the route's own schema reports about the example in the document. */
function judge(declared: any, shown: any, place: string) {
  const schema = declared?.content?.['application/json']?.schema
  if (!(schema instanceof z.ZodType)) return undefined
  const { error } = schema.safeParse(shown.content['application/json'].example)
  return { place, issues: error?.issues ?? [] }
}
