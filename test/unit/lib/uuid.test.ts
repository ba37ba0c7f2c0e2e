import { expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'

const LARGEST = 2 ** 48 - 1

/** The 128 bits of a UUID's text. */
function bitsOf(uuid: string): string {
  return BigInt(`0x${uuid.replaceAll('-', '')}`)
    .toString(2)
    .padStart(128, '0')
}

const timeOf = (uuid: string) => Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16)

test('the time of the example in RFC 9562 A.6 gives the first 48 bits of that example, and version 7', () => {
  expect(uuidv7(1_645_557_742_000)).toMatch(/^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test.each([0, 1, 0xffff, 0x10000, 0x10001, 0xffffffff, 0x100000000, LARGEST - 1, LARGEST])(
  'the first 48 bits are the milliseconds, big-endian: %d',
  (now) => {
    expect(timeOf(uuidv7(now))).toBe(now)
  },
)

test('ids of different milliseconds sort by time', () => {
  for (let sample = 0; sample < 500; sample++) {
    const [a, b] = [Math.floor(Math.random() * LARGEST), Math.floor(Math.random() * LARGEST)]
    expect(uuidv7(a) < uuidv7(b)).toBe(a < b)
    expect(uuidv7(a) < uuidv7(a + 1)).toBe(true)
  }
})

test('version, variant and the start of the counter within a millisecond are fixed; all other bits vary', () => {
  const samples = Array.from({ length: 400 }, (_, at) => bitsOf(uuidv7(at % 2)))
  const seen = Array.from({ length: 128 }, (_, at) => new Set(samples.map((bits) => bits[at])))

  const fixed = seen.flatMap((values, at) => (values.size === 1 ? [[at, ...values]] : []))
  const time = Array.from({ length: 47 }, (_, at) => [at, '0'])
  expect(fixed).toEqual([...time, [48, '0'], [49, '1'], [50, '1'], [51, '1'], [52, '0'], [64, '1'], [65, '0']])
})

test('ids of one millisecond sort in order of creation', () => {
  for (const now of [1_645_557_742_000, 1_645_557_742_001, 1_645_557_742_000]) {
    const ids = Array.from({ length: 2_000 }, () => uuidv7(now))
    expect(ids.toSorted()).toEqual(ids)
  }
})

test('no two ids of one millisecond are the same', () => {
  const ids = Array.from({ length: 20_000 }, () => uuidv7(1_645_557_742_000))
  expect(new Set(ids).size).toBe(ids.length)
})
