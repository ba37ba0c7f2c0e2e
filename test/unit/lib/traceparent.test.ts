import { expect, test } from 'vitest'
import { parseTraceparent, traceFields } from '../../../src/lib/traceparent.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

test('the example of W3C Trace Context is accepted, and so is a later version with more fields', () => {
  for (const value of [`00-${TRACE}-${PARENT}-01`, `cc-${TRACE}-${PARENT}-00`, `01-${TRACE}-${PARENT}-01-what-comes`])
    expect(parseTraceparent(value)).toBe(TRACE)
})

test.each([
  ['nothing', ''],
  ['version ff', `ff-${TRACE}-${PARENT}-01`],
  ['more fields in version 00', `00-${TRACE}-${PARENT}-01-more`],
  ['no trace', `00-${'0'.repeat(32)}-${PARENT}-01`],
  ['no parent', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['upper case', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
  ['a short id', `00-${TRACE.slice(1)}-${PARENT}-01`],
  ['text behind it', `00-${TRACE}-${PARENT}-01x`],
  ['two of them', `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`],
])('%s counts as absent', (_, value) => {
  expect(parseTraceparent(value)).toBeUndefined()
  expect(traceFields(new Headers({ traceparent: value }))).toEqual({})
})

test('a log line gets only the trace id', () => {
  expect(traceFields(new Headers({ traceparent: `00-${TRACE}-${PARENT}-01` }))).toEqual({ trace_id: TRACE })
})
