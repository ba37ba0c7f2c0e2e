import { expect, test } from 'vitest'
import { createLru } from '../../../src/lib/lru.ts'

test('it holds as many entries as its capacity, and one more evicts the oldest', () => {
  const lru = createLru<number>(3)
  lru.set('a', 1)
  lru.set('b', 2)
  expect(lru.size).toBe(2)
  lru.set('c', 3)
  expect([lru.size, lru.get('a')]).toEqual([3, 1])
  lru.set('d', 4)
  expect(lru.size).toBe(3)
  expect(['a', 'b', 'c', 'd'].map((key) => lru.get(key))).toEqual([1, undefined, 3, 4])
})

test('reading counts as use', () => {
  const lru = createLru<number>(2)
  lru.set('a', 1)
  lru.set('b', 2)
  lru.get('a')
  lru.set('c', 3)
  expect(['a', 'b', 'c'].map((key) => lru.get(key))).toEqual([1, undefined, 3])
})

test('writing again replaces the value, counts as use and takes no additional room', () => {
  const lru = createLru<number>(2)
  lru.set('a', 1)
  lru.set('b', 2)
  lru.set('a', 10)
  expect(lru.size).toBe(2)
  lru.set('c', 3)
  expect(['a', 'b', 'c'].map((key) => lru.get(key))).toEqual([10, undefined, 3])
})

test('falsy values are kept like any other', () => {
  const lru = createLru<unknown>(3)
  for (const [key, value] of Object.entries({ zero: 0, empty: '', nothing: null })) lru.set(key, value)
  expect([lru.get('zero'), lru.get('empty'), lru.get('nothing')]).toEqual([0, '', null])
})

test('a deleted entry is gone and frees its room; deleting an unknown one does nothing', () => {
  const lru = createLru<number>(2)
  lru.set('a', 1)
  lru.set('b', 2)
  lru.delete('a')
  lru.delete('never')
  expect([lru.get('a'), lru.size]).toEqual([undefined, 1])
  lru.set('c', 3)
  expect([lru.get('b'), lru.get('c')]).toEqual([2, 3])
})

test('names that every object inherits are keys like others', () => {
  const lru = createLru<number>(2)
  expect(lru.get('constructor')).toBeUndefined()
  lru.set('__proto__', 1)
  expect(lru.get('__proto__')).toBe(1)
})

test.each([1, 2, 7])(
  'with room for %d it behaves like a list of the most recent uses, in any order of calls',
  (capacity) => {
    const lru = createLru<number>(capacity)
    let recent: [string, number][] = [] // the latest use first
    for (let step = 0; step < 2_000; step++) {
      const key = String(Math.floor(Math.random() * 10))
      const found = recent.find(([name]) => name === key)
      const others = recent.filter(([name]) => name !== key)
      const action = Math.random()
      if (action < 0.5) {
        expect(lru.get(key)).toBe(found?.[1])
        if (found) recent = [found, ...others]
      } else if (action < 0.9) {
        lru.set(key, step)
        recent = [[key, step] as [string, number], ...others].slice(0, capacity)
      } else {
        lru.delete(key)
        recent = others
      }
      expect(lru.size).toBe(recent.length)
    }
  },
)
