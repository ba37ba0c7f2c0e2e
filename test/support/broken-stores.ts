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

/**
 * A network in which requests to some stores are given up on before they arrive: each is sent when `arrive` is called, long
 * after its caller has gone on without it.
 */
export function delayStores(slow: readonly string[]) {
  const real = globalThis.fetch
  const waiting: (() => Promise<unknown>)[] = []
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    if (!slow.some((store) => url.includes(store))) return real(input, init)
    const { signal: _, ...sent } = init ?? {}
    waiting.push(async () => (await real(url, sent)).text())
    return Promise.reject(new TypeError('timed out'))
  })
  return {
    async arrive() {
      spy.mockRestore()
      for (const send of waiting.splice(0)) await send()
    },
  }
}

/** Redis' response to every write, and to every script that writes, when its memory is full or it is a replica. */
export const REFUSALS = {
  full: "OOM command not allowed when used memory > 'maxmemory'.",
  read_only: "READONLY You can't write against a read only replica.",
} as const

/** A network in which Redis responds, but refuses to write. Ends with `vi.restoreAllMocks()`. */
export function refuseWrites(why: keyof typeof REFUSALS) {
  const real = globalThis.fetch
  const refusal = { error: REFUSALS[why] }
  return vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    if (!url.includes('/redis')) return real(input, init)
    if (!/pipeline|multi-exec/.test(url)) return Response.json(refusal, { status: 400 })
    return Response.json((JSON.parse(bodyOf(init)) as unknown[]).map(() => refusal))
  })
}

/** The body that a driver sends. */
export const bodyOf = (init: RequestInit | undefined) => (typeof init?.body === 'string' ? init.body : '')

/** A database that does not answer statements that contain a text, until `vi.restoreAllMocks()`. */
export function breakStatement(text: string) {
  const real = globalThis.fetch
  return vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (bodyOf(init).includes(JSON.stringify(text).slice(1, -1))) throw new TypeError('connection lost')
    return real(input, init)
  })
}
