import { expect, test } from 'vitest'
import { decodeCursor, page } from '../../../src/lib/cursor.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'

const rowsOf = (count: number) => Array.from({ length: count }, (_, at) => ({ id: uuidv7(at), at }))

test.each([
  [0, 0, false],
  [4, 4, false],
  [5, 5, false],
  [6, 5, true],
])('of %d rows, a page of 5 has %d and says whether there are more: %s', (found, held, hasMore) => {
  const rows = rowsOf(found)
  const { data, next_cursor } = page(rows, 5)

  expect(data).toEqual(rows.slice(0, held))
  expect(next_cursor !== null).toBe(hasMore)
})

test('the cursor contains the last row shown, not the first one left out', () => {
  for (let sample = 0; sample < 100; sample++) {
    const rows = rowsOf(3)
    expect(decodeCursor(page(rows, 2).next_cursor ?? '')).toBe(rows[1]?.id)
  }
})

test('a cursor can be used unescaped in a URL', () => {
  for (let sample = 0; sample < 100; sample++) expect(page(rowsOf(2), 1).next_cursor).toMatch(/^[A-Za-z0-9_-]+$/)
})

const ID = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'

test.each([
  ['nothing', ''],
  ['an id as it is', ID],
  ['what is no base64', '%%%'],
  ['base64 of something else', btoa('hello')],
  ['an id in capitals', btoa(ID.toUpperCase())],
  ['an id with something before it', btoa(` ${ID}`)],
  ['an id with something after it', btoa(`${ID}\n`)],
  ['an id with SQL in it', btoa(`${ID.slice(0, -4)}' or`)],
  ['an id that is cut', btoa(ID.slice(0, -1))],
  ['letters that base64 has not', 'ключ'],
  ['a very long text', 'A'.repeat(1_000_000)],
])('%s is not a cursor, and not an error', (_, cursor) => {
  expect(decodeCursor(cursor)).toBeUndefined()
})
