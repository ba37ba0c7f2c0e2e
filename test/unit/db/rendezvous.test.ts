import { expect, test } from 'vitest'
import { choosePlace } from '../../../src/db/rendezvous.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'

/** Sequentially created ids: most of their characters are the same. */
const IDS = Array.from({ length: 10_000 }, (_, at) => uuidv7(1_780_000_000_000 + at))

test.each([2, 3, 7])('of %i places each gets about its share', (places) => {
  const shares = Array.from({ length: places }, () => 0)
  for (const id of IDS) shares[choosePlace(id, places)]! += 1
  for (const share of shares) expect(Math.abs(share / (IDS.length / places) - 1)).toBeLessThan(0.1)
})

test('an additional place takes its share, and leaves all others where they are', () => {
  for (const places of [1, 2, 5]) {
    const moved = IDS.filter((id) => choosePlace(id, places) !== choosePlace(id, places + 1))
    expect(moved.every((id) => choosePlace(id, places + 1) === places)).toBe(true)
    expect(Math.abs(moved.length / (IDS.length / (places + 1)) - 1)).toBeLessThan(0.1)
  }
})

test('a name has the same place in every release, so that counters stay where they are', () => {
  const names = ['00000000-0000-7000-8000-000000000001', '0196f2a4-7c1e-7b3a-9d52-3f0b6c8e1a47', 'a', 'ü']
  expect(names.map((name) => [2, 3, 4].map((places) => choosePlace(name, places)))).toEqual(PLACES)
})

/** From an independent implementation in Python (`FNV-1a`, then `fmix32`). */
const PLACES = [
  [1, 1, 1],
  [1, 1, 3],
  [0, 0, 0],
  [1, 1, 1],
]
