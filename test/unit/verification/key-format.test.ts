import { describe, expect, test } from 'vitest'
import { base62Number } from '../../../src/lib/base62.ts'
import { crc32 } from '../../../src/lib/crc32.ts'
import { describeKey, isWellFormed, mayExist, newKey } from '../../../src/verification/key-format.ts'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Any text followed by a right checksum. */
const signed = (body: string) => body + base62Number(crc32(body), 6)
const SECRET = 'x'.repeat(43)

describe('a new key', () => {
  test.each([
    ['ck', 'live', /^ck_live_[0-9A-Za-z]{49}$/],
    ['pk', 'test', /^pk_test_[0-9A-Za-z]{49}$/],
  ] as const)('has its prefix %s, its environment %s, and 49 letters and digits', (prefix, environment, form) => {
    for (let sample = 0; sample < 300; sample++) {
      const key = newKey(prefix, environment)
      expect(key).toMatch(form)
      expect(isWellFormed(key)).toBe(true)
    }
  })

  test('ends in the CRC-32 of everything before it, so that others can check it as well', () => {
    const key = newKey('ck', 'live')
    expect(key.slice(-6)).toBe(base62Number(crc32(key.slice(0, -6)), 6))
  })

  test('is never one that existed before', () => {
    const keys = Array.from({ length: 5_000 }, () => newKey('ck', 'live'))
    expect(new Set(keys).size).toBe(keys.length)
  })
})

test('the worked example of docs/operate/secret-scanning.md is right', () => {
  const body = 'ck_live_ExampleOfAKeyThatWasNeverIssuedToAnybody012'
  expect(crc32(body)).toBe(3_065_007_802)
  expect(signed(body)).toBe(`${body}3LQSXi`)
  expect(isWellFormed(signed(body))).toBe(true)
})

describe('a typo', () => {
  test('of one character is detected, at every position and with every other character', () => {
    const key = newKey('ck', 'live')
    const accepted = [...key].flatMap((right, at) =>
      [...DIGITS]
        .filter((wrong) => wrong !== right)
        .map((wrong) => key.slice(0, at) + wrong + key.slice(at + 1))
        .filter(isWellFormed),
    )
    expect(accepted).toEqual([])
  })

  test('of two swapped neighbors is detected', () => {
    const key = newKey('ck', 'live')
    const swapped = Array.from(
      { length: key.length - 1 },
      (_, at) => key.slice(0, at) + key.charAt(at + 1) + key.charAt(at) + key.slice(at + 2),
    )
    expect(swapped.filter((text) => text !== key && isWellFormed(text))).toEqual([])
  })

  test('of a missing or doubled character is detected', () => {
    const key = newKey('ck', 'live')
    const missing = Array.from(key, (_, at) => key.slice(0, at) + key.slice(at + 1))
    const doubled = Array.from(key, (_, at) => key.slice(0, at + 1) + key.slice(at))
    expect([...missing, ...doubled].filter(isWellFormed)).toEqual([])
  })
})

describe('the format, with a right checksum', () => {
  test.each([
    ['a prefix of 2 characters', `ck_live_${SECRET}`],
    ['a prefix of 8', `abcdefg8_live_${SECRET}`],
    ['a prefix of a letter and digits', `k1_test_${SECRET}`],
  ])('accepts %s', (_, body) => {
    expect(isWellFormed(signed(body))).toBe(true)
  })

  test.each([
    ['a prefix of 1 character', `c_live_${SECRET}`],
    ['a prefix of 9', `abcdefgh9_live_${SECRET}`],
    ['a prefix that begins with a digit', `1k_live_${SECRET}`],
    ['a prefix in capitals', `CK_live_${SECRET}`],
    ['no prefix', `live_${SECRET}`],
    ['another environment', `ck_prod_${SECRET}`],
    ['the environment in capitals', `ck_LIVE_${SECRET}`],
    ['a secret of 42', `ck_live_${SECRET.slice(1)}`],
    ['a secret of 44', `ck_live_${SECRET}x`],
    ['a secret with another character', `ck_live_${SECRET.slice(1)}-`],
    ['a letter that only looks like one', `ck_live_${SECRET.slice(1)}х`], // Cyrillic
    ['something before it', ` ck_live_${SECRET}`],
    ['a line before it', `\nck_live_${SECRET}`],
  ])('refuses %s', (_, body) => {
    expect(isWellFormed(signed(body))).toBe(false)
  })

  test('refuses trailing text, including a line break', () => {
    const key = newKey('ck', 'live')
    expect(['\n', ' ', '\0', 'x', key].filter((more) => isWellFormed(key + more))).toEqual([])
  })

  test('is checked at once for a text of a million characters', { timeout: 1_000 }, () => {
    const long = 'a'.repeat(1_000_000)
    expect([long, `ck_live_${long}`, `${long}_live_`, 'ck_live_'.repeat(100_000)].filter(isWellFormed)).toEqual([])
  })
})

test('a hint shows the prefix, the environment, two characters of the secret and four of the checksum', () => {
  expect(describeKey(signed(`abcdefg8_test_12${SECRET.slice(2)}`))).toMatch(/^abcdefg8_test_12…[0-9A-Za-z]{4}$/)
  for (let sample = 0; sample < 100; sample++) {
    const key = newKey('ck', 'live')
    expect(describeKey(key)).toBe(`${key.slice(0, 10)}…${key.slice(-4)}`)
  }
})

describe('keys worth a look-up', () => {
  const key = newKey('ck', 'live')
  const typo = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')

  test('are those of our format with a right checksum, anywhere, and none with a wrong one', () => {
    expect([true, false].map((takesForeign) => mayExist(key, takesForeign))).toEqual([true, true])
    expect([true, false].map((takesForeign) => mayExist(typo, takesForeign))).toEqual([false, false])
  })

  test.each<[string, string, boolean]>([
    ['16 characters', 'x'.repeat(16), true],
    ['15', 'x'.repeat(15), false],
    ['256', 'x'.repeat(256), true],
    ['257', 'x'.repeat(257), false],
    ['all that is printable', Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)).join(''), true],
    ['a space', `${'x'.repeat(16)} y`, false],
    ['a line break at the end', `${'x'.repeat(16)}\n`, false],
    ['a character beyond ASCII', `${'x'.repeat(16)}ü`, false],
    ['a form like ours, but shorter', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc', true],
  ])('are of another format only where such keys exist: %s', (_, text, isOne) => {
    expect([mayExist(text, true), mayExist(text, false)]).toEqual([isOne, false])
  })
})
