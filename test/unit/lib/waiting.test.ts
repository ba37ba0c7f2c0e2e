import { expect, test } from 'vitest'
import { waitFor } from '../../../src/lib/waiting.ts'

const NEVER = new Promise<string>(() => undefined)
const LONG = 600_000

test('what ends in time gives its result, and its failure is thrown', async () => {
  expect(await waitFor(Promise.resolve('done'), LONG)).toBe('done')
  await expect(waitFor(Promise.reject(new Error('broken')), LONG)).rejects.toThrow('broken')
})

test('what never ends is waited for no longer than that time', async () => {
  expect(await waitFor(NEVER, 1)).toBeUndefined()
})
