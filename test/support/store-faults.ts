import { vi } from 'vitest'

/**
 * What becomes of requests to a store. `refuse`: they never arrive. `lose`: they are done, and nobody is told. `late`: the
 * caller has given up when they arrive; they are done at the next `deliver`. `slow`: they are answered in time, and time
 * passes meanwhile.
 */
export const FAULTS = ['refuse', 'lose', 'late', 'slow'] as const

export interface StoreFault {
  readonly door: '/sql' | '/redis'
  readonly how: (typeof FAULTS)[number]
  /** Each n-th request meets it. */
  readonly every: number
}

/** A network whose faults can be changed. Ends with `vi.restoreAllMocks()`. @param pass lets some time pass */
export function openNetwork(pass: () => void) {
  const real = globalThis.fetch
  const underway: (() => Promise<unknown>)[] = []
  const met = new Set<string>()
  let faults: readonly StoreFault[] = []
  let requests = 0

  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    const fault = faults.find(({ door }) => url.includes(door))
    if (!fault || ++requests % fault.every !== 0) return real(input, init)
    met.add(`${fault.how} ${fault.door}`)
    const arrive = async () => {
      const answer = await real(input, { ...init, signal: null })
      return new Response(await answer.text(), answer)
    }
    if (fault.how === 'slow') {
      const answer = await arrive()
      pass()
      return answer
    }
    if (fault.how === 'late') underway.push(arrive)
    if (fault.how === 'lose') await arrive()
    throw new DOMException('The operation timed out.', 'TimeoutError')
  })

  return {
    break: (now: readonly StoreFault[]) => {
      faults = now
      requests = 0 // counted from here, a history that fails does so again
    },
    /** Does what came too late, in the order in which it was sent. */
    async deliver() {
      for (const arrive of underway.splice(0)) await arrive()
    },
    /** Which faults any request has met, such as `late /sql`. */
    met,
  }
}

export type Network = ReturnType<typeof openNetwork>
