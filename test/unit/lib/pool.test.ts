import { describe, expect, test } from 'vitest'
import { inPool } from '../../../src/lib/pool.ts'

/** Tasks that end when told to. */
function pieces(names: readonly string[]) {
  const left = [...names]
  const begun: string[] = []
  const ends = new Map(names.map((name) => [name, Promise.withResolvers<void>()]))
  const take = async (atMost: number) => left.splice(0, atMost)
  async function work(name: string) {
    begun.push(name)
    await ends.get(name)?.promise
  }
  async function end(name: string) {
    ends.get(name)?.resolve()
    for (let tick = 0; tick < 20; tick++) await Promise.resolve()
  }
  return { left, begun, take, work, end }
}

describe('a pool', () => {
  test('begins the next task as soon as one ends, and never exceeds its places', async () => {
    const { begun, take, work, end } = pieces(['slow', 'a', 'b', 'c'])
    const done = inPool(2, take, work)
    await end('')
    expect(begun).toEqual(['slow', 'a'])
    await end('a')
    expect(begun).toEqual(['slow', 'a', 'b'])
    await end('b')
    await end('c')
    expect(begun).toEqual(['slow', 'a', 'b', 'c'])
    await end('slow')
    await done
  })

  test('takes tasks that appear meanwhile, until nothing is left or running', async () => {
    const { left, begun, take, work, end } = pieces(['a', 'late'])
    left.pop()
    const done = inPool(2, take, work)
    await end('')
    left.push('late')
    await end('a')
    await end('late')
    await done
    expect(begun).toEqual(['a', 'late'])
  })

  test('asks again if work ended while it was told that there is nothing', async () => {
    const { left, begun, take, work, end } = pieces(['a', 'freed'])
    left.pop()
    const toldNothing = Promise.withResolvers<string[]>()
    let count = 0
    const slowly = (atMost: number) => (++count === 2 ? toldNothing.promise : take(atMost))
    const done = inPool(2, slowly, work)
    await end('a')
    left.push('freed')
    toldNothing.resolve([])
    await end('freed')
    await done
    expect(begun).toEqual(['a', 'freed'])
  })

  test('that cannot take more fails once its running tasks have ended', async () => {
    const { begun, take, work, end } = pieces(['a'])
    let isOver = false
    let count = 0
    const failing = (atMost: number) => (++count === 1 ? take(atMost) : Promise.reject(new Error('no more')))
    const done = inPool(2, failing, work).finally(() => {
      isOver = true
    })
    const failed = expect(done).rejects.toThrow('no more')
    await end('')
    expect([begun, isOver]).toEqual([['a'], false])
    await end('a')
    await failed
  })
})
