import { vi } from 'vitest'

/**
 * A network in which requests to some stores (`/sql`, `/redis`) fail; `lose` lets them arrive and loses the answer. Ends
 * with `vi.restoreAllMocks()`.
 */
export function breakStores(broken: readonly string[], how: 'refuse' | 'lose' = 'refuse') {
  const real = globalThis.fetch
  return vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const isBroken = broken.some((door) => String(input instanceof Request ? input.url : input).includes(door))
    if (isBroken && how === 'lose') await (await real(input, init)).text()
    if (isBroken) throw new TypeError('connection lost')
    return real(input, init)
  })
}
