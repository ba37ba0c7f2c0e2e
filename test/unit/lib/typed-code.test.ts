import { describe, expect, test } from 'vitest'
import { readEmailCode } from '../../../src/accounts/email/sign-in-code.ts'
import { readTypedCode } from '../../../src/lib/typed-code.ts'
import { readUserCode } from '../../../src/oauth/devices/user-code.ts'

/** What people, keyboards and mail programs put around and between the characters of a code. */
const SIGNS = {
  'an en dash': '\u2013',
  'a non-breaking hyphen': '\u2011',
  'a minus sign': '\u2212',
  'an underscore': '_',
  'a dot': '.',
  'a comma': ',',
  'a no-break space': '\u00a0',
  'a zero-width space': '\u200b',
  'a zero-width joiner': '\u200d',
  'a byte order mark': '\ufeff',
  'a soft hyphen': '\u00ad',
  'a left-to-right mark': '\u200e',
  quotes: '"',
  'curly quotes': '\u201c',
  backticks: '`',
}

describe('codes by email, of devices and of a second factor are read the same way', () => {
  test.each(Object.entries(SIGNS))('with %s between, before and after', (_, sign) => {
    expect(readEmailCode(`${sign}1234${sign}5678${sign}`)).toBe('12345678')
    expect(readUserCode(`${sign}bcdf${sign}GHJK${sign}`)).toBe('BCDFGHJK')
    expect(readTypedCode(`${sign}123${sign}456${sign}`)).toBe('123456')
  })

  test.each([
    ['Arabic-Indic', '١٢٣٤٥٦٧٨'],
    ['Persian', '۱۲۳۴۵۶۷۸'],
    ['Devanagari', '१२३४५६७८'],
    ['full-width', '１２３４５６７８'],
    ['mathematical', '𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖'],
    ['Adlam', '\u{1e951}\u{1e952}\u{1e953}\u{1e954}\u{1e955}\u{1e956}\u{1e957}\u{1e958}'],
  ])('in %s digits', (_, code) => {
    expect(readEmailCode(code)).toBe('12345678')
    expect(readTypedCode(code)).toBe('12345678')
  })

  test('letters are compared without their case and width', () => {
    expect(readTypedCode('ＡＢ１２-cd34-EF')).toBe('ab12cd34ef')
  })
})

test('what is no code from an email stays none', () => {
  for (const typed of ['1234567', '123456789', '1234567a', '', '---']) expect(readEmailCode(typed)).toBeUndefined()
  expect(readEmailCode('em_a-b_c')).toBe('em_a-b_c')
})
