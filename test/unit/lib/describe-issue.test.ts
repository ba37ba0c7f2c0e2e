import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import * as unknownFields from '../../../src/lib/unknown-fields.ts'
import { parseInput } from '../../../src/problems.ts'

const COPIED = '../../../src/lib/unknown-fields.ts'

const Value = z.strictObject({
  text: z.string().min(1).max(3).optional(),
  long: z.string().min(2).optional(),
  code: z.string().length(4).optional(),
  number: z.number().min(0).max(1_000).optional(),
  positive: z.number().positive().optional(),
  below: z.number().lt(5).optional(),
  whole: z.int().optional(),
  step: z.number().multipleOf(0.5).optional(),
  flag: z.boolean().optional(),
  list: z.array(z.string()).min(1).max(2).optional(),
  record: z.record(z.string().regex(/^a/, 'must begin with a'), z.string()).optional(),
  mode: z.enum(['open', 'closed']).optional(),
  fixed: z.literal('all').optional(),
  nothing: z.never().optional(),
  id: z.uuid().optional(),
  at: z.iso.datetime({ offset: true }).optional(),
  day: z.iso.date().optional(),
  url: z.url().optional(),
  start: z.string().startsWith('x:').optional(),
  either: z.union([z.number(), z.boolean(), z.string().max(2)]).optional(),
  same: z.union([z.enum(['a', 'b']), z.strictObject({ header: z.string() })]).optional(),
  ids: z.union([z.uuid(), z.string().startsWith('x:')]).optional(),
  kind: z
    .discriminatedUnion('type', [z.object({ type: z.literal('a') }), z.object({ type: z.literal('b') })])
    .optional(),
})
const Required = z.object({ name: z.string(), mode: z.enum(['open', 'closed']), nested: z.object({ id: z.uuid() }) })

function errorsOf(schema: z.ZodType, input: unknown) {
  try {
    parseInput(schema, input)
  } catch (error) {
    return (error as { extra: { errors: readonly { path: string; message: string }[] } }).extra.errors.map(
      ({ path, message }) => `${path.replace(/^body\.?/, '')} ${message}`,
    )
  }
  return []
}

describe('a field says what is wrong and what is allowed', () => {
  test.each<[object, string]>([
    [{ text: 5 }, 'text must be a string, not a number'],
    [{ text: null }, 'text must be a string, not null'],
    [{ text: [] }, 'text must be a string, not an array'],
    [{ text: {} }, 'text must be a string, not an object'],
    [{ text: true }, 'text must be a string, not true'],
    [{ text: '' }, 'text must not be empty'],
    [{ text: 'abcd' }, 'text must have at most 3 characters'],
    [{ long: 'a' }, 'long must have at least 2 characters'],
    [{ code: 'abc' }, 'code must have exactly 4 characters'],
    [{ number: '5' }, 'number must be a number, not a string'],
    [{ number: Number.NaN }, 'number must be a number, not NaN'],
    [{ number: -1 }, 'number must be at least 0'],
    [{ number: 1_001 }, 'number must be at most 1,000'],
    [{ positive: 0 }, 'positive must be greater than 0'],
    [{ below: 5 }, 'below must be less than 5'],
    [{ whole: 1.5 }, 'whole must be a whole number'],
    [{ whole: 'x' }, 'whole must be a number, not a string'],
    [{ whole: 2 ** 53 }, 'whole must be at most 9,007,199,254,740,991'],
    [{ step: 0.3 }, 'step must be a multiple of 0.5'],
    [{ flag: 1 }, 'flag must be true or false, not a number'],
    [{ list: [] }, 'list must not be empty'],
    [{ list: ['a', 'b', 'c'] }, 'list must have at most 2 entries'],
    [{ list: {} }, 'list must be an array, not an object'],
    [{ list: ['a', 5] }, 'list.1 must be a string, not a number'],
    [{ record: [] }, 'record must be an object, not an array'],
    [{ record: { b: '1' } }, 'record.b is not a valid name: must begin with a'],
    [{ mode: 'opn' }, 'mode must be one of `open`, `closed`; did you mean `open`?'],
    [{ mode: 5 }, 'mode must be one of `open`, `closed`'],
    [{ fixed: 'one' }, 'fixed must be `all`'],
    [{ nothing: 1 }, 'nothing must be left out'],
    [{ id: 'x' }, 'id must be a UUID'],
    [{ at: '2026-11-03' }, 'at must be a date and time with an offset, such as 2026-11-03T09:30:00Z'],
    [{ day: 'today' }, 'day must be a date, such as 2026-11-03'],
    [{ url: 'x' }, 'url must be a URL'],
    [{ start: 'y' }, 'start must start with `x:`'],
    [{ either: [] }, 'either must be a number, true or false, or a string, not an array'],
    [{ either: 'abc' }, 'either must have at most 2 characters'],
    [{ same: 'c' }, 'same must be one of `a`, `b` or an object'],
    [{ same: {} }, 'same.header is required'],
    [{ same: { header: 'x', heder: 1 } }, 'same.heder unknown field `heder`; did you mean `header`?'],
    [{ ids: 'y' }, 'ids must be a UUID or must start with `x:`'],
    [{ kind: { type: 'c' } }, 'kind.type must be one of `a`, `b`'],
    [{ kind: {} }, 'kind.type is required: one of `a`, `b`'],
    [{ txet: 'x' }, 'txet unknown field `txet`; did you mean `text`?'],
  ])('%j', (input, error) => {
    expect(errorsOf(Value, input)).toEqual([error])
  })

  test('a missing field is required, and an enum lists its values', () => {
    expect(errorsOf(Required, {})).toEqual([
      'name is required',
      'mode is required: one of `open`, `closed`',
      'nested is required',
    ])
  })

  test.each([
    [undefined, ' is required'],
    [null, ' must be an object, not null'],
    [[], ' must be an object, not an array'],
    ['x', ' must be an object, not a string'],
  ])('so does a body of %j', (input, error) => {
    expect(errorsOf(Value, input)).toEqual([error])
  })

  test('a schema with a message of its own keeps it', () => {
    expect(errorsOf(z.object({ a: z.string().regex(/^x/, 'must begin with x') }), { a: 'y' })).toEqual([
      'a must begin with x',
    ])
  })
})

test('the nearest field is known whichever copy of the module described the issue', async () => {
  const { describeUnknownKeys }: typeof unknownFields = await import(`${COPIED}?copy`)
  const keys = ['tetx']
  expect(describeUnknownKeys({ keys, inst: Value })).toContain('did you mean `text`?')
  expect(unknownFields.findKnownNames(keys)).toContain('text')
})
