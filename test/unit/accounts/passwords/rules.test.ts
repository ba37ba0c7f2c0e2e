import { describe, expect, test } from 'vitest'
import { passwordFlaw } from '../../../../src/accounts/passwords/rules.ts'

const ADA = { email: 'ada.lovelace@example.com', productName: 'Tollgate' }
const flawOf = (password: string) => passwordFlaw(password, ADA)

/** Letters with no pattern in them. */
const varied = (length: number) =>
  Array.from({ length }, (_, at) => String.fromCodePoint(0x61 + ((at * at) % 26))).join('')

describe('the length', () => {
  test.each([
    [0, 'must have at least 10 characters'],
    [9, 'must have at least 10 characters'],
    [10, undefined],
    [11, undefined],
    [255, undefined],
    [256, undefined],
    [257, 'must have at most 256 characters'],
  ])('%d characters: %s', (length, flaw) => {
    expect(flawOf(varied(length))).toBe(flaw)
  })

  test('counts what a person sees as characters, not their bytes or surrogates', () => {
    const faces = ['😀', '😁', '😂', '😃', '😄', '😅', '😆', '😇', '😈', '😉']
    expect(flawOf(faces.slice(1).join(''))).toBe('must have at least 10 characters')
    expect(flawOf(faces.join(''))).toBeUndefined()
    expect(flawOf('пароль и ключ')).toBeUndefined()
  })
})

test('composition does not matter: a long password needs no digit, capital or sign', () => {
  for (const password of ['correct horse', 'only lower letters', '1029384756', '          ~', 'ÄÖÜäöüßéèê'])
    expect(flawOf(password)).toBeUndefined()
})

describe('one repeated pattern', () => {
  test.each([
    'aaaaaaaaaa',
    '1111111111111111',
    'abababababab',
    'ABabABabABab',
    'abcabcabcabc',
    'abcdabcdabcd',
    '12341234123412341234',
    '          ',
    '🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑',
    '\n\n\n\n\n\n\n\n\n\n',
  ])('%j is refused', (password) => {
    expect(flawOf(password)).toBe('must not repeat one short pattern')
  })

  test.each(['abcdeabcde', 'aaaaaaaaab', 'abcdabcdabc', 'abcabcabcabd'])('%s is not one', (password) => {
    expect(flawOf(password)).toBeUndefined()
  })

  test('is searched in the same time as a long password takes', { timeout: 1_000 }, () => {
    expect(flawOf(`${'ab'.repeat(127)}a`)).toBeUndefined()
  })
})

describe('the address and the name of the service', () => {
  const flaw = 'must not be derived from your email address or the name of this service'

  test.each([
    ['the address', 'ada.lovelace@example.com', flaw],
    ['the address in capitals', 'ADA.LOVELACE@EXAMPLE.COM', flaw],
    ['the address and five more', 'ada.lovelace@example.com12345', flaw],
    ['its first part', 'ada.lovelace', flaw],
    ['its first part and five more', '12ada.lovelace345', flaw],
    ['its first part twice', 'ada.lovelaceADA.LOVELACE!', flaw],
    ['the service', 'tollgate12', flaw],
    ['the service and five more', 'TollGate12345', flaw],
    ['its first part and six more', 'ada.lovelace123456', undefined],
    ['the service and six more', 'tollgate123456', undefined],
    ['the service in a sentence', 'a tollgate for any road', undefined],
    ['part of the name', 'lovelace17', undefined],
  ])('%s: %s, %s', (_, password, expected) => {
    expect(flawOf(password)).toBe(expected)
  })

  test('a name of up to three letters does not count: it is in too many words', () => {
    expect(passwordFlaw('ada1234567', { ...ADA, email: 'ada@example.com' })).toBeUndefined()
    expect(passwordFlaw('adam123456', { ...ADA, email: 'adam@example.com' })).toBeUndefined()
    expect(passwordFlaw('adam12345x', { ...ADA, email: 'adam@example.com' })).toBeUndefined()
    expect(passwordFlaw('1adam12345', { ...ADA, email: 'adam@example.com' })).toBeUndefined()
    expect(passwordFlaw('adamadam12345', { ...ADA, email: 'adam@example.com' })).toBe(flaw)
  })

  test('signs with a meaning in patterns are ordinary in names', () => {
    expect(passwordFlaw('a.c+(x)[1]$', { ...ADA, email: 'a.c+(x)[@example.com' })).toBe(flaw)
    expect(passwordFlaw('abcdefghij', { ...ADA, email: '....@example.com' })).toBeUndefined()
  })
})
