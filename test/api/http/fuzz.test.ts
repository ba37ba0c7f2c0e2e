import { describe, expect, inject, test } from 'vitest'
import { withoutRequestId } from '../../support/direct.ts'
import { type Answer, administrator, call, newUser, setLimits } from '../../support/http.ts'
import { type Operation, openApi, type Schema, typesOf } from '../../support/openapi.ts'

/** Words that only a stack, a driver or a query would say. */
const INSIDES =
  /\bat [\w.<>]+ \(|\.(ts|tsx|mjs|js):\d+|node_modules|TypeError|RangeError|SyntaxError|ReferenceError|NeonDbError|ZodError|postgres|pglite|drizzle|upstash|redis|valkey|\bsql\b|select .* from|insert into|relation "|duplicate key|constraint|syntax error at|\b22P0\d\b|\b2350\d\b|127\.0\.0\.1|localhost/i

const { operations } = await openApi()
const person = await newUser()
await setLimits(person.user.organization_id, { max_api_keys: 100_000 })
const admin = await administrator()
const spare = await newUser()

/** A token that gets the operation to read its input. Operations that sign out get a dedicated one. */
function tokenFor({ allow, line }: Operation): string | undefined {
  if (line.endsWith('/auth/logout')) return spare.token
  if (line.endsWith('/keys/verify')) return inject('credentials').service_key
  if (allow === 'anyone') return undefined
  return allow === 'administrator' ? admin : person.token
}

const SAMPLES: Record<string, unknown> = {
  string: 'text',
  integer: 7,
  number: 0.5,
  boolean: true,
  object: { a: 1 },
  array: [[]],
  null: null,
}

/** Values that a field never accepts by its declaration. */
function wrongFor(schema: Schema): unknown[] {
  const types = new Set(typesOf(schema))
  if (types.has('integer')) types.delete('number')
  if (types.has('number')) types.add('integer')
  return types.size === 0 ? [] : Object.entries(SAMPLES).flatMap(([type, value]) => (types.has(type) ? [] : [value]))
}

/** Values of the right type for text that have broken something, somewhere, before. */
const HOSTILE = [
  '',
  '\u0000',
  'half \ud800',
  "' or 1=1; --",
  'a\r\nX-Evil: 1',
  '😀'.repeat(3_000),
  '../../etc/passwd',
  '${7*7}{{7*7}}',
]
/** What the schema of a route sees, and what never gets so far: one place refuses that for all routes. */
const JSON_OF_NO_USE = ['null', '[]', '"text"', '7', '{"":{}}', '{"__proto__":null}', '{"a":1e999}']
const NO_JSON = ['', '{', '[[[[', '\ufeff{', '\u0000', 'x'.repeat(300_000)]
const QUERIES = ['x', '%00', '%ff', "'--", '-1', '1e9', '%F0%9F%98%80', 'a'.repeat(5_000), '[]', '%2e%2e']

/** A body that the operation accepts by its format, and that costs and changes nothing that matters. */
function sample({ line, body }: Operation): Record<string, unknown> {
  const plain = Object.fromEntries((body?.required ?? []).map((name) => [name, 'refused for certain']))
  if (line.endsWith('/register')) return { email: 'fuzz@example.com', password: 'short' }
  if (line.endsWith('/login')) return { email: 'fuzz@example.com', password: 'x' }
  return plain
}

function expectNoInsides(answer: Answer, what: string): void {
  expect(answer.status, what).toBeLessThan(500)
  if (answer.status < 400) return
  expect(answer.headers.get('Content-Type'), what).toContain('application/problem+json')
  expect(JSON.stringify(withoutRequestId(answer.body)), what).not.toMatch(INSIDES)
}

const withBody = operations.filter(({ body }) => body)
const named = (list: readonly Operation[]) => list.map((operation) => [operation.line, operation] as const)
const ID = '01900000-0000-7000-8000-000000000000'
/** Id of a ledger row: a malformed one is refused before the body is checked. */
const LEDGER_ROW = `${ID}:api_calls:1793491200:0`
const idFor = ({ line }: Operation) => (line.includes('/ledger/{id}') ? LEDGER_ROW : ID)
const ask = (operation: Operation, body: unknown, id = idFor(operation)) =>
  call(operation.line.replaceAll(/\{\w+\}/g, id), { token: tokenFor(operation) ?? '', body, ip: '192.0.2.1' })

/** Sends requests concurrently, and checks each response. */
const askAll = (operation: Operation, bodies: readonly unknown[], look: (answer: Answer, body: unknown) => void) =>
  Promise.all(
    bodies.map(async (body) => {
      const answer = await ask(operation, body)
      expectNoInsides(answer, `${operation.line} ${JSON.stringify(body).slice(0, 300)}`)
      look(answer, body)
    }),
  )

const pathsOf = ({ body }: Answer): string[] => body.errors.map(({ path }: { path: string }) => path)

/** Expects a refusal by format that names all these fields, or that the target does not exist. */
function expectNamed(answer: Answer, names: readonly string[], what: string): void {
  expect([400, 404], what).toContain(answer.status)
  if (answer.status === 404) return
  const paths = pathsOf(answer)
  expect(
    names.filter((name) => !paths.some((path) => path.startsWith(`body.${name}`))),
    what,
  ).toEqual([])
}

/** A few of a list, different at each place: all of them across the routes. */
const someOf = <T>(list: readonly T[], place: number, count: number): T[] =>
  Array.from({ length: count }, (_, at) => list[(place + at * 3) % list.length] as T)

describe.each(named(withBody))('%s', (line, operation) => {
  const properties = Object.entries(operation.body?.properties ?? {})
  const place = withBody.indexOf(operation)

  test('refuses by name each field of a wrong type and each missing required field', async () => {
    const wrong = properties
      .map(([name, schema]) => [name, wrongFor(schema)] as const)
      .filter(([, list]) => list.length)
    const rounds = Math.max(0, ...wrong.map(([, list]) => list.length))
    const bodies = Array.from({ length: rounds }, (_, round) => ({
      ...sample(operation),
      ...Object.fromEntries(wrong.map(([name, list]) => [name, list[round % list.length]])),
    }))
    const names = wrong.map(([name]) => name)
    await askAll(operation, bodies, (answer, body) => expectNamed(answer, names, `${line} ${JSON.stringify(body)}`))
    const required = operation.body?.required ?? []
    if (required.length > 0)
      await askAll(operation, [{}], (answer) => expectNamed(answer, required, `${line} without anything`))
  })

  test('survives hostile text in every field, and unknown fields', async () => {
    const costly = line.endsWith('/login') // each of these that is well-formed is hashed
    const fields = properties.filter(([, schema]) => typesOf(schema).includes('string')).map(([name]) => name)
    const unknown = costly ? ['constructor'] : ['constructor', 'unknown_field', 'toString']
    const everywhere = (costly ? HOSTILE.slice(1, 3) : HOSTILE).flatMap((value) =>
      [fields, unknown].map((names) => Object.fromEntries(names.map((name) => [name, value]))),
    )
    const alone = costly ? [] : fields.flatMap((name, at) => someOf(HOSTILE, at, 2).map((value) => ({ [name]: value })))
    const bodies = [...everywhere, ...alone].map((changed) => Object.assign(sample(operation), changed))
    await askAll(operation, bodies, () => undefined)
  })

  test('survives garbage instead of a body', async () => {
    const texts = [...JSON_OF_NO_USE, ...someOf(NO_JSON, place, 3)]
    await askAll(operation, texts, ({ status }) => {
      if (operation.raw.requestBody.required) expect(status).toBeGreaterThanOrEqual(400)
    })
  })
})

describe('what stands in the path or the query', () => {
  const askAt = async (operation: Operation, id: string, query = '') => {
    const token = tokenFor(operation)
    const line = `${operation.line.replaceAll(/\{\w+\}/g, id)}${query && `?${query}`}`
    const answer = await call(line, { ...(token && { token }), body: operation.body && {} })
    expectNoInsides(answer, line.slice(0, 300))
  }

  test.each(named(operations.filter(({ parameters }) => parameters.length > 0)))(
    'of %s breaks nothing',
    async (_, operation) => {
      const namesIn = (where: string) => operation.parameters.filter((one) => one.in === where).map(({ name }) => name)
      const names = namesIn('query')
      const twice = (name: string, value: string) => `${name}=${value}&${name}=x`
      const paths = namesIn('path').length > 0 ? QUERIES.map((value) => askAt(operation, value)) : []
      const everywhere =
        names.length > 0 ? QUERIES.map((value) => names.map((name) => twice(name, value)).join('&')) : []
      const alone = names.flatMap((name, at) => someOf(QUERIES, at, 4).map((value) => `${name}=${value}`))
      await Promise.all([...paths, ...[...everywhere, ...alone].map((query) => askAt(operation, ID, query))])
    },
  )

  test('and is unknown breaks no read', async () => {
    const reads = operations.filter(({ line }) => line.startsWith('GET'))
    await Promise.all(reads.map((operation) => askAt(operation, ID, 'unknown=1&constructor=2&__proto__[x]=3')))
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })
})

describe('random bytes and shapes', () => {
  /** A small seeded generator, so that findings are reproducible. */
  function random(seed: number) {
    let state = seed
    return (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
  }

  function shape(next: (below: number) => number, names: readonly string[], depth = 0): unknown {
    const kinds = [null, true, -1, 0, 1.5, 2 ** 53, 1e308, '', 'text', '\u0000', '\udfff', '2026-11-21T00:00:00Z', ID]
    const kind = next(depth > 3 ? kinds.length : kinds.length + 6)
    if (kind < kinds.length) return kinds[kind]
    const members = Array.from({ length: next(4) }, () => shape(next, names, depth + 1))
    if (kind % 2) return members
    return Object.fromEntries(members.map((member) => [names[next(names.length)] ?? 'x', member]))
  }

  test.each(named(withBody.filter(({ line }) => !line.endsWith('/login') && !line.endsWith('/register'))))(
    'sent to %s get a response, never an internal error',
    async (line, operation) => {
      const names = [...Object.keys(operation.body?.properties ?? {}), 'x', '__proto__', '']
      const next = random(line.length * 7_919)
      const bodies = Array.from({ length: 12 }, () => {
        const body = Object.fromEntries(names.map((name) => [name, shape(next, names)]))
        return { ...(next(2) ? sample(operation) : {}), ...(next(5) ? body : {}) }
      })
      await askAll(operation, bodies, () => undefined)
    },
  )
})
