import { describe, expect, test } from 'vitest'
import { parseEmailAddress } from '../../../src/lib/email-address.ts'

describe('an email address', () => {
  test.each([
    ['jane&john@example.com', 'jane&john@example.com'],
    ['sales/eu@example.com', 'sales/eu@example.com'],
    ['u@xn--e1afmkfd.xn--p1ai', 'u@xn--e1afmkfd.xn--p1ai'],
    ['u@bücher.example', 'u@xn--bcher-kva.example'],
    ['u@bu\u0308cher.example', 'u@xn--bcher-kva.example'],
    ['  Ada.Lovelace+x@EXAMPLE.com ', 'ada.lovelace+x@example.com'],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
    ["o'neill@example.co.uk", "o'neill@example.co.uk"],
  ])('%s is taken as %s', (text, address) => {
    expect(parseEmailAddress(text)).toBe(address)
  })

  test.each([
    `${'a'.repeat(65)}@example.com`,
    'x@iana-.com',
    'x@-iana.com',
    'x@localhost',
    'x@127.0.0.1',
    'x@[127.0.0.1]',
    '\u212Aate@example.com',
    'x@\u212Aate.example',
    'x@\uff45xample.com',
    'x@\u017fite.example',
    'x@example.com/path',
    'x@example.com:25',
    'x@exa mple.com',
    'x y@example.com',
    'x@@example.com',
    'eve@example.com\r\nBcc: victim@example.com',
    '@example.com',
    'x@',
    'x',
    'x@example..com',
    `x@${'a'.repeat(64)}.com`,
    `${'a'.repeat(64)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(20)}`,
  ])('%j is refused', (text) => {
    expect(parseEmailAddress(text)).toBeUndefined()
  })
})
