import { expect, test } from 'vitest'
import { base32, matchingStep, toStep, totp } from '../../../src/lib/totp.ts'

const SECRET = new TextEncoder().encode('12345678901234567890')

test.each([
  [0, '755224'],
  [1, '287082'],
  [2, '359152'],
  [9, '520489'],
])('RFC 4226 appendix D: counter %d gives %s', (counter, code) => {
  expect(totp(SECRET, counter)).toBe(code)
})

test.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_234_567_890, '005924'],
  [20_000_000_000, '353130'],
])('RFC 6238 appendix B: %d seconds give the last six digits %s', (seconds, code) => {
  expect(totp(SECRET, toStep(seconds * 1000))).toBe(code)
})

test('a code is valid one step early and one late, and not two (RFC 6238 §5.2)', () => {
  const now = 1_234_567_890_000
  const step = toStep(now)
  const matches = [-2, -1, 0, 1, 2].map((off) => matchingStep(SECRET, totp(SECRET, step + off), now))
  expect(matches).toEqual([undefined, step - 1, step, step + 1, undefined])
})

test.each([
  ['', ''],
  ['f', 'MY'],
  ['fo', 'MZXQ'],
  ['foobar', 'MZXW6YTBOI'],
])('RFC 4648 §10: base32 of %j is %j, without padding', (text, encoded) => {
  expect(base32(new TextEncoder().encode(text))).toBe(encoded)
})
