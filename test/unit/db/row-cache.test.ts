import { expect, test } from 'vitest'
import { cacheRows } from '../../../src/db/row-cache.ts'
import type { Deps } from '../../../src/deps.ts'

/** A table whose reads are answered manually, and a clock that is set manually. */
function table() {
  const reads: PromiseWithResolvers<string>[] = []
  const at = { now: 1_000_000 }
  const deps = { now: () => at.now, defer: () => undefined } as unknown as Deps
  const cache = cacheRows({
    failure: 'rows_not_read',
    freshMs: 3_000,
    maxAgeMs: 6_000,
    read: () => {
      const read = Promise.withResolvers<string>()
      reads.push(read)
      return read.promise
    },
  })
  return { at, reads, find: () => cache.find(deps), forget: cache.forget }
}

test('rows are read once while they are fresh, even by two concurrent callers', async () => {
  const { at, reads, find } = table()
  const both = [find(), find()]
  reads[0]?.resolve('first')
  expect(await Promise.all(both)).toEqual(['first', 'first'])
  at.now += 2_999
  expect(await find()).toBe('first')
  expect(reads).toHaveLength(1)
})

test('older rows are returned at once and reloaded meanwhile; rows at the maximum age are awaited', async () => {
  const { at, reads, find } = table()
  const asked = find()
  reads[0]?.resolve('first')
  await asked
  at.now += 3_000
  expect(await find()).toBe('first')
  expect(reads).toHaveLength(2)
  reads[1]?.resolve('second')
  await expect.poll(find).toBe('second')
  at.now += 6_000
  const waiting = find()
  reads[2]?.resolve('third')
  expect(await waiting).toBe('third')
})

test('rows that were read before a change are not kept', async () => {
  const { reads, find, forget } = table()
  const early = find()
  forget()
  const late = find()
  reads[1]?.resolve('after')
  expect(await late).toBe('after')
  reads[0]?.resolve('before')
  await early
  expect(await find()).toBe('after')
})

test('while the database is down, the last known rows stay; without any it is an error', async () => {
  const { at, reads, find } = table()
  const first = find()
  reads[0]?.reject(new Error('away'))
  await expect(first).rejects.toThrow('away')
  const second = find()
  reads[1]?.resolve('known')
  await second
  at.now += 6_000
  const third = find()
  reads[2]?.reject(new Error('away'))
  expect(await third).toBe('known')
})
