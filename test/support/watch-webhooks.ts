import { vi } from 'vitest'
import { bodyOf, urlOf } from './shop.ts'

/**
 * Counts what is under way at once to receivers and to each of them. Ends with `vi.restoreAllMocks()`.
 *
 * @param before what is done, and waited for, before each request: it holds the request until a condition, or
 *   until the signal that it is given ends the request
 */
export function watchWebhooks(
  receivers: readonly { readonly path: string }[],
  before: (cut: AbortSignal | undefined) => unknown = () => undefined,
) {
  const real = globalThis.fetch
  const counter = () => ({ atOnce: 0, most: 0, all: 0 })
  const [seen, each, claims] = [counter(), receivers.map(counter), { answered: 0 }]
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const own = each[receivers.findIndex(({ path }) => init?.method === 'POST' && urlOf(input).includes(path))]
    if (!own)
      return real(input, init).finally(() => void (claims.answered += Number(bodyOf(init).includes('skip locked'))))
    for (const one of [seen, own]) {
      one.all += 1
      one.atOnce += 1
      one.most = Math.max(one.most, one.atOnce)
    }
    await before(init?.signal ?? undefined)
    return real(input, init).finally(() => {
      for (const one of [seen, own]) one.atOnce -= 1
    })
  })
  return Object.assign(seen, { each, claims })
}
