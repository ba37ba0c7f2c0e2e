import { describe, expect, inject, test } from 'vitest'
import { withoutRequestId } from '../support/direct.ts'
import { type Answer, administrator, call, newUser, setLimits } from '../support/http.ts'
import { type Operation, openApi, type Schema, typesOf } from '../support/openapi.ts'

/** Words that only a stack, a driver or a query would say. */
const INSIDES =
  /\bat [\w.<>]+ \(|\.(ts|tsx|mjs|js):\d+|node_modules|TypeError|RangeError|SyntaxError|ReferenceError|NeonDbError|ZodError|postgres|pglite|drizzle|upstash|redis|valkey|\bsql\b|select .* from|insert into|relation "|duplicate key|constraint|syntax error at|\b22P0\d\b|\b2350\d\b|127\.0\.0\.1|localhost/i

const { operations } = await openApi()
const person = await newUser()
await setLimits(person.user.organization_id, { max_api_keys: 100_000 })
const admin = await administrator()
const spare = await newUser()

/** A token that lets the operation look at its input. What signs out gets one that nobody else needs. */
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

/** Values that a field never takes by its declaration. */
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
const GARBAGE = [
  '',
  'null',
  '[]',
  '"text"',
  '7',
  '{',
  '[[[[',
  '{"":{}}',
  '{"__proto__":null}',
  '\ufeff{}',
  '\u0000',
  '{"a":1e999}',
]
const QUERIES = ['x', '%00', '%ff', "'--", '-1', '1e9', '%F0%9F%98%80', 'a'.repeat(5_000), '[]', '%2e%2e']

/** A body that the operation would take as far as its form goes, and that costs and changes nothing that matters. */
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
const ask = (operation: Operation, body: unknown, id = ID) =>
  call(operation.line.replaceAll(/\{\w+\}/g, id), { token: tokenFor(operation) ?? '', body, ip: '192.0.2.1' })

describe.each(named(withBody))('%s', (line, operation) => {
  const properties = Object.entries(operation.body?.properties ?? {})

  test('refuses each field of a wrong type, by name', async () => {
    for (const [name, schema] of properties) {
      for (const value of wrongFor(schema)) {
        const answer = await ask(operation, { ...sample(operation), [name]: value })
        const what = `${line} ${name}: ${JSON.stringify(value)}`
        expectNoInsides(answer, what)
        expect([400, 404], what).toContain(answer.status)
        if (answer.status === 400)
          expect(
            answer.body.errors.some((one: any) => one.path.startsWith(`body.${name}`)),
            what,
          ).toBe(true)
      }
    }
  })

  test('refuses what leaves a required field out', async () => {
    for (const name of operation.body?.required ?? []) {
      const { [name]: _, ...rest } = sample(operation)
      const answer = await ask(operation, rest)
      expectNoInsides(answer, `${line} without ${name}`)
      expect([400, 404]).toContain(answer.status)
    }
  })

  test('survives hostile text in every field, and fields it does not know', async () => {
    const costly = line.endsWith('/login') // each of these that is well-formed is hashed
    const fields = properties.filter(([, schema]) => typesOf(schema).includes('string')).map(([name]) => name)
    for (const name of [...fields, 'constructor', ...(costly ? [] : ['unknown_field', 'toString'])]) {
      for (const value of costly ? HOSTILE.slice(1, 3) : HOSTILE) {
        expectNoInsides(
          await ask(operation, { ...sample(operation), [name]: value }),
          `${line} ${name}: ${value.slice(0, 20)}`,
        )
      }
    }
  })

  test('survives garbage in place of a body', async () => {
    for (const text of [...GARBAGE, 'x'.repeat(300_000)]) {
      const answer = await ask(operation, text)
      expectNoInsides(answer, `${line} ${text.slice(0, 20)}`)
      if (operation.raw.requestBody.required) expect(answer.status).toBeGreaterThanOrEqual(400)
    }
  })
})

describe('what stands in the path or the query', () => {
  test.each(named(operations.filter(({ parameters }) => parameters.length > 0)))(
    'of %s breaks nothing',
    async (line, operation) => {
      const token = tokenFor(operation)
      const body = operation.body && {}
      for (const value of QUERIES) {
        for (const { name, in: where } of operation.parameters) {
          const path = operation.line.replaceAll(/\{\w+\}/g, where === 'path' ? value : ID)
          const answer = await call(where === 'path' ? path : `${path}?${name}=${value}&${name}=x`, {
            ...(token && { token }),
            body,
          })
          expectNoInsides(answer, `${line} ${name}=${value.slice(0, 20)}`)
        }
      }
    },
  )

  test.each(named(operations.filter(({ line }) => line.startsWith('GET'))))(
    'of %s, unknown, changes nothing',
    async (_, operation) => {
      const token = tokenFor(operation)
      const answer = await call(`${operation.line.replaceAll(/\{\w+\}/g, ID)}?unknown=1&constructor=2&__proto__[x]=3`, {
        ...(token && { token }),
      })
      expectNoInsides(answer, operation.line)
      expect(({} as Record<string, unknown>).x).toBeUndefined()
    },
  )
})

describe('random bytes and shapes', () => {
  /** A small generator with a seed, so that what it found is found again. */
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
    'to %s end in an answer, never in a failure of ours',
    async (line, operation) => {
      const names = [...Object.keys(operation.body?.properties ?? {}), 'x', '__proto__', '']
      const next = random(line.length * 7_919)
      for (let round = 0; round < 40; round++) {
        const body = Object.fromEntries(names.map((name) => [name, shape(next, names)]))
        const fuzzed = { ...(next(2) ? sample(operation) : {}), ...(next(5) ? body : {}) }
        expectNoInsides(await ask(operation, fuzzed), `${line} ${JSON.stringify(fuzzed)}`)
      }
    },
  )
})
