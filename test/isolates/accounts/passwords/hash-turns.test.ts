import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

/** Duration of the work; its turn is twice as long, so that half of the time is left for others. */
const MS = 100

let inTurn: typeof import('../../../../src/accounts/passwords/hash-turns.ts').inTurn

beforeEach(async () => {
  vi.resetModules()
  inTurn = (await import('../../../../src/accounts/passwords/hash-turns.ts')).inTurn
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Requests this many turns at once. @returns when each began, in milliseconds from now; `undefined` if refused */
async function turns(count: number, ms = MS) {
  const start = Date.now()
  const asked = Array.from({ length: count }, () => inTurn(ms, async () => Date.now() - start).catch((error) => error))
  await vi.runAllTimersAsync()
  return Promise.all(asked)
}

describe('work that keeps a core busy', () => {
  test('begins at once if nobody is waiting', async () => {
    expect(await turns(1)).toEqual([0])
  })

  test('takes turns, and leaves others twice its own time between them', async () => {
    expect(await turns(4)).toEqual([0, 300, 600, 900])
  })

  test('is refused with a Retry-After if its turn would be more than two seconds away', async () => {
    const answers = await turns(10)
    expect(answers.slice(0, 7)).toEqual([0, 300, 600, 900, 1_200, 1_500, 1_800])
    for (const refused of answers.slice(7))
      expect(refused).toMatchObject({ code: 'busy', status: 503, extra: { headers: { 'Retry-After': '3' } } })
  })

  test('runs again as soon as those who waited had their turns', async () => {
    await turns(7)
    vi.advanceTimersByTime(300)
    expect(await turns(1)).toEqual([0])
  })

  test('runs when the clock is set back', async () => {
    await turns(7)
    vi.setSystemTime(Date.now() - 3_600_000)
    expect(await turns(1)).toEqual([0])
  })

  test('never runs twice at once, however long it takes', async () => {
    let atWork = 0
    const work = async (pause: () => Promise<void>) => {
      const others = atWork++
      for (let part = 0; part < 10; part++) {
        await pause()
        vi.setSystemTime(Date.now() + 40) // four times as slow as assumed
      }
      atWork--
      return others
    }
    const asked = [inTurn(MS, work), inTurn(MS, work), inTurn(MS, work)]
    await vi.runAllTimersAsync()
    expect(await Promise.all(asked)).toEqual([0, 0, 0])
  })

  test('is abandoned after two and a half seconds if its request went away', async () => {
    void inTurn(MS, () => new Promise(() => undefined)) // never settles
    await vi.advanceTimersByTimeAsync(0)
    const [began = 0] = await turns(1)
    expect(began).toBeGreaterThan(2_000)
    expect(began).toBeLessThan(2_500)
  })

  test('is not continued if its request comes back too late', async () => {
    const back = Promise.withResolvers<void>()
    const late = inTurn(MS, async (pause) => {
      await back.promise
      await pause()
    }).catch((error) => error.code)
    await vi.advanceTimersByTimeAsync(2_500)
    const other = Promise.withResolvers<string>()
    const next = inTurn(MS, () => other.promise)
    await vi.advanceTimersByTimeAsync(0)
    back.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(await late).toBe('busy')
    other.resolve('done')
    expect(await next).toBe('done')
  })

  test('passes its error to the caller if it fails, and the turn to the next', async () => {
    const failed = inTurn(MS, (): Promise<string> => Promise.reject(new Error('no memory'))).catch(
      (error: Error) => error.message,
    )
    expect(await turns(1)).toEqual([300])
    expect(await failed).toBe('no memory')
  })

  test('does not wait for one that never ends', async () => {
    const forEver = async (pause: () => Promise<void>) => {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 100))
        await pause()
      }
    }
    const asked = [inTurn(MS, forEver), inTurn(MS, forEver)].map((turn) => turn.catch((error) => error.code))
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await asked[1]).toBe('busy')
  })
})
