import { afterAll, beforeAll } from 'vitest'
import { bodyOf } from './broken-stores.ts'

const SHARED = '"usage:spool"'

/** Gives a file's tests their own spool, which no test in another process drains meanwhile. */
export function keepOwnSpool(): void {
  const real = globalThis.fetch
  const own = `"usage:spool:${crypto.randomUUID()}"`
  beforeAll(() => {
    globalThis.fetch = (input, init) => {
      const body = bodyOf(init)
      return real(input, body.includes(SHARED) ? { ...init, body: body.replaceAll(SHARED, own) } : init)
    }
  })
  afterAll(() => {
    globalThis.fetch = real
  })
}
