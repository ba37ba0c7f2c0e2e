import { expect, test } from 'vitest'
import { base62, base62Number } from '../../../src/lib/base62.ts'
import { randomBytes } from '../../../src/lib/bytes.ts'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SAMPLES = 500

/** The number that a text represents, computed the other way round. */
function valueOf(text: string): bigint {
  return [...text].reduce((sum, digit) => sum * 62n + BigInt(DIGITS.indexOf(digit)), 0n)
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
}

test.each([
  [0, '000000'],
  [1, '000001'],
  [9, '000009'],
  [10, '00000A'],
  [35, '00000Z'],
  [36, '00000a'],
  [61, '00000z'],
  [62, '000010'],
  [62 ** 2 - 1, '0000zz'],
  [62 ** 2, '000100'],
  [0xffffffff, '4gfFC3'],
])('the digits are 0-9, A-Z, a-z, the most significant first: %d is %s', (value, text) => {
  expect(base62Number(value, 6)).toBe(text)
  expect(base62(new Uint8Array(new BigUint64Array([BigInt(value)]).buffer).toReversed(), 6)).toBe(text)
})

test('the largest safe integer is written exactly', () => {
  expect(valueOf(base62Number(Number.MAX_SAFE_INTEGER, 9))).toBe(BigInt(Number.MAX_SAFE_INTEGER))
})

test('43 characters hold every value of 32 bytes, and 42 do not', () => {
  const largest = new Uint8Array(32).fill(255)

  expect(base62(largest, 43)).toHaveLength(43)
  expect(base62(largest, 42)).toHaveLength(43)
  expect(base62(new Uint8Array(32), 43)).toBe('0'.repeat(43))
})

test('the encoding represents the same number, whatever the bytes', () => {
  for (let sample = 0; sample < SAMPLES; sample++) {
    const bytes = randomBytes(32)
    const text = base62(bytes, 43)
    expect(text).toMatch(/^[0-9A-Za-z]{43}$/)
    expect(valueOf(text)).toBe(numberOf(bytes))
  }
})

test('texts of equal length sort like their numbers', () => {
  for (let sample = 0; sample < SAMPLES; sample++) {
    const [a, b] = [randomBytes(4), randomBytes(4)]
    expect(base62(a, 6) < base62(b, 6)).toBe(numberOf(a) < numberOf(b))
  }
})

test('an integer and its bytes give the same text', () => {
  for (let sample = 0; sample < SAMPLES; sample++) {
    const bytes = randomBytes(4)
    expect(base62Number(Number(numberOf(bytes)), 6)).toBe(base62(bytes, 6))
  }
})
