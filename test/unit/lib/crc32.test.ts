import { expect, test } from 'vitest'
import { randomBytes } from '../../../src/lib/bytes.ts'
import { crc32 } from '../../../src/lib/crc32.ts'

const SAMPLES = 300
const BYTES = Array.from({ length: 256 }, (_, byte) => byte)

const textOf = (bytes: ArrayLike<number>) => String.fromCharCode(...Array.from(bytes))

/** The definition, one bit at a time: division by the reflected polynomial. */
function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc >>> 0
}

test.each([
  ['123456789', 'cbf43926'], // the check value of CRC-32/ISO-HDLC
  ['', '00000000'],
  ['a', 'e8b7be43'],
  ['abc', '352441c2'],
  ['The quick brown fox jumps over the lazy dog', '414fa339'],
  ['\0\0\0\0', '2144df1c'],
  ['\u00ff\u00ff\u00ff\u00ff', 'ffffffff'],
])('%j has the published checksum %s', (text, checksum) => {
  expect(crc32(text).toString(16).padStart(8, '0')).toBe(checksum)
})

test('all byte values count, as a bitwise division confirms', () => {
  expect(crc32(textOf(BYTES))).toBe(0x29058c73)
  for (let sample = 0; sample < SAMPLES; sample++) {
    const bytes = randomBytes(sample % 97)
    expect(crc32(textOf(bytes))).toBe(bitByBit(bytes))
  }
})

test('one changed character always changes the checksum', () => {
  const bytes = randomBytes(50)
  const checksum = crc32(textOf(bytes))
  for (const [at, byte] of bytes.entries()) {
    const others = BYTES.filter((other) => other !== byte).map((other) => textOf(bytes.with(at, other)))
    expect(others.filter((text) => crc32(text) === checksum)).toEqual([])
  }
})

test('swapping two neighbors always changes the checksum', () => {
  for (let sample = 0; sample < SAMPLES; sample++) {
    const bytes = randomBytes(50)
    const at = sample % 49
    const [left = 0, right = 0] = bytes.slice(at)
    if (left !== right) expect(crc32(textOf(bytes.with(at, right).with(at + 1, left)))).not.toBe(crc32(textOf(bytes)))
  }
})
