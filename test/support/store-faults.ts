import { vi } from 'vitest'
import { bodyOf } from './broken-stores.ts'

/**
 * What becomes of requests to a store. `refuse`: they never arrive. `lose`: they are done, and nobody is told. `late`: the
 * caller has given up when they arrive; they are done at the next `deliver`. `slow`: they are answered in time, and time
 * passes meanwhile.
 */
export const FAULTS = ['refuse', 'lose', 'late', 'slow'] as const

export interface StoreFault {
  readonly door: '/sql' | '/redis'
  readonly how: (typeof FAULTS)[number]
  /** Every n-th request gets it. */
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
      requests = 0 // counted from here, so that a failing history is reproducible
    },
    /** Runs late requests, in the order in which they were sent. */
    async deliver() {
      for (const arrive of underway.splice(0)) await arrive()
    },
    /** Which faults any request has met, such as `late /sql`. */
    met,
  }
}

export type Network = ReturnType<typeof openNetwork>

/** A database that runs statements containing a text, but whose response is lost. Ends with `mockRestore`. */
export function loseAnswers(text: string) {
  const real = globalThis.fetch
  return vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const answer = await real(input, init)
    if (!bodyOf(init).includes(text)) return answer
    await answer.text()
    throw new TypeError('connection lost')
  })
}
