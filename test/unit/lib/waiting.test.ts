import { expect, test } from 'vitest'
import { waitFor } from '../../../src/lib/waiting.ts'

const NEVER = new Promise<string>(() => undefined)
const LONG = 600_000

test('a promise that settles in time returns its result or throws its failure', async () => {
  expect(await waitFor(Promise.resolve('done'), LONG)).toBe('done')
  await expect(waitFor(Promise.reject(new Error('broken')), LONG)).rejects.toThrow('broken')
})

test('a promise that never settles is awaited only for that time', async () => {
  expect(await waitFor(NEVER, 1)).toBeUndefined()
})
