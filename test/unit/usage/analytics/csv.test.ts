import { expect, test } from 'vitest'
import { csvRecord } from '../../../../src/usage/analytics/csv.ts'

const field = (value: unknown) => csvRecord([value]).slice(0, -2)

test('a record is its fields with commas between, and ends with CR LF', () => {
  expect(csvRecord(['a', 1, null, undefined, true, ''])).toBe('a,1,,,true,\r\n')
})

test.each([
  ['a,b', '"a,b"'],
  ['say "no"', '"say ""no"""'],
  ['one\ntwo', '"one\ntwo"'],
  ['one\rtwo', '"one\rtwo"'],
  [{ a: 'b,c' }, '"{""a"":""b,c""}"'],
  ['plain text', 'plain text'],
  ['ünï', 'ünï'],
])('%j is quoted by RFC 4180', (value, written) => {
  expect(field(value)).toBe(written)
})

test.each([
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  '\n=1',
  '=HYPERLINK("https://evil.test","x")',
  '＝1',
  '＠x',
])('a text that a spreadsheet would run, %j, gets a leading apostrophe and quotes', (value) => {
  expect(field(value)).toBe(`"'${value.replaceAll('"', '""')}"`)
})

test('numbers are not formulas, nor is a sign inside a text', () => {
  expect([field(-5), field(0.5), field('a=b'), field("'=1")]).toEqual(['-5', '0.5', 'a=b', "'=1"])
})
