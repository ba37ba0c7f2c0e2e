import { describe, expect, test } from 'vitest'
import { createPlaces } from '../../../src/lib/places.ts'

/** Work in places that ends when told to, or when it is canceled. */
function occupants(count: number) {
  const places = createPlaces(count, 0)
  const cutOff: string[] = []
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  function begin(name: string, options = {}) {
    const { promise, resolve } = Promise.withResolvers<void>()
    ends.set(name, resolve)
    return places.occupy((cut) => {
      begun.push(name)
      cut.addEventListener('abort', () => {
        cutOff.push(name)
        resolve()
      })
      return promise
    }, options)
  }
  /** All of them linger after this. */
  const linger = () => new Promise((resolve) => setTimeout(resolve, 5))
  return { begin, linger, cutOff, begun, end: (name: string) => ends.get(name)?.() }
}

describe('places', () => {
  test('are kept as long as one is free, however long the work lasts', async () => {
    const { begin, linger, cutOff, end } = occupants(3)
    const work = [begin('a'), begin('b')]
    await linger()
    expect(cutOff).toEqual([])
    end('a')
    end('b')
    await Promise.all(work)
  })

  test('are given up only by the longest lingering work if somebody waits, who then begins', async () => {
    const { begin, linger, cutOff, begun, end } = occupants(3)
    const work = [begin('a'), begin('b')]
    await linger()
    work.push(begin('c'), begin('d'))
    expect(cutOff).toEqual(['a'])
    await linger()
    expect(begun).toEqual(['a', 'b', 'c', 'd'])
    for (const name of ['b', 'c', 'd']) end(name)
    await Promise.all(work)
  })

  test('are awaited in order by all others until work lingers or ends', async () => {
    const { begin, linger, cutOff, begun, end } = occupants(1)
    const work = [begin('a', { mayLinger: true }), begin('b', { mayLinger: true }), begin('c', { mayLinger: true })]
    await linger()
    expect([begun, cutOff]).toEqual([['a'], []])
    end('a')
    await linger()
    expect(begun).toEqual(['a', 'b'])
    end('b')
    await linger()
    end('c')
    await Promise.all(work)
    expect(begun).toEqual(['a', 'b', 'c'])
  })

  test('are never all taken by lingering work', async () => {
    const { begin, linger, cutOff, end } = occupants(2)
    const work = [begin('a'), begin('b')]
    await linger()
    expect(cutOff).toEqual(['a'])
    end('b')
    await Promise.all(work)
  })

  test('are never taken away from work that may linger', async () => {
    const { begin, linger, cutOff, end } = occupants(2)
    const work = [begin('a', { mayLinger: true }), begin('b', { mayLinger: true })]
    await linger()
    expect(cutOff).toEqual([])
    end('a')
    end('b')
    await Promise.all(work)
  })

  test('are free again after work that fails, and its error is thrown', async () => {
    const places = createPlaces(1, 0)
    const failing = () => places.occupy(() => Promise.reject(new Error('It failed.')))
    await expect(failing()).rejects.toThrow('It failed.')
    await expect(failing()).rejects.toThrow('It failed.')
  })
})
