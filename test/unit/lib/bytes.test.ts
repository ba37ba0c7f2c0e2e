import { expect, test } from 'vitest'
import { base64url, randomBytes, sha256, sha256Hex, utf8 } from '../../../src/lib/bytes.ts'

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

test.each([
  // FIPS 180-4, and the empty message
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
])('SHA-256 of %j is the published digest', (text, digest) => {
  expect(sha256Hex(text)).toBe(digest)
  expect(hex(sha256(text))).toBe(digest)
})

test('SHA-256 is of the text in UTF-8, as the platform computes it', async () => {
  for (const text of ['ключ', 'é', 'e\u0301', '🔑', '\0', 'a'.repeat(1_000)]) {
    expect(sha256Hex(text)).toBe(hex(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text)))))
  }
})

test.each([
  // RFC 4648 §10, without the padding
  ['', ''],
  ['f', 'Zg'],
  ['fo', 'Zm8'],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg'],
  ['fooba', 'Zm9vYmE'],
  ['foobar', 'Zm9vYmFy'],
])('base64url of %j is %j', (text, encoded) => {
  expect(base64url(utf8(text))).toBe(encoded)
})

test('the two characters that a URL would need to escape are replaced (RFC 4648 §5)', () => {
  expect(base64url(new Uint8Array([0xfb, 0xff, 0xfe]))).toBe('-__-')
})

test('base64url is lossless', () => {
  for (let length = 0; length < 100; length++) {
    const bytes = randomBytes(length)
    const text = base64url(bytes)
    expect(text).toMatch(/^[A-Za-z0-9_-]*$/)
    expect(Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0))).toEqual(
      bytes,
    )
  }
})

test('random bytes are as many as requested, and different each time', () => {
  for (const length of [0, 1, 16, 32]) expect(randomBytes(length)).toHaveLength(length)
  const seen = Array.from({ length: 1_000 }, () => hex(randomBytes(16)))
  expect(new Set(seen).size).toBe(seen.length)
})
