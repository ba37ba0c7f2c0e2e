import { expect, test } from 'vitest'
import { retryAfterSeconds } from '../../../src/lib/retry-after.ts'

const NOW = Date.UTC(2026, 10, 27, 12)
const answer = (status: number, value?: string) =>
  new Response(null, { status, headers: value === undefined ? {} : { 'Retry-After': value } })

test.each([
  ['600', 600],
  [' 7 ', 7],
  ['0', 1],
  ['86401', 86_400],
  ['99999999999999999999', 86_400],
  ['Fri, 27 Nov 2026 12:10:00 GMT', 600],
  ['Fri, 27 Nov 2026 11:00:00 GMT', 1],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('%j of a 429 or 503 is %j seconds', (value, seconds) => {
  for (const status of [429, 503]) expect(retryAfterSeconds(answer(status, value), NOW, 86_400)).toBe(seconds)
})

test('Retry-After is ignored in other responses', () => {
  for (const status of [200, 202, 404, 500])
    expect(retryAfterSeconds(answer(status, '600'), NOW, 86_400)).toBeUndefined()
})
