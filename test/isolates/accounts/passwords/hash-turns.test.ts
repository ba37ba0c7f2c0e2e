import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

/** Of work; its turn is twice as long, so that half of the time is left for others. */
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

/** Asks for so many turns at once. @returns when each began, in milliseconds from now; `undefined` for who was refused */
async function turns(count: number, ms = MS) {
  const start = Date.now()
  const asked = Array.from({ length: count }, () => inTurn(ms, async () => Date.now() - start).catch((error) => error))
  await vi.runAllTimersAsync()
  return Promise.all(asked)
}

describe('work that keeps a core busy', () => {
  test('begins at once where nobody waits', async () => {
    expect(await turns(1)).toEqual([0])
  })

  test('has turns, with twice the time between them for others that it takes itself', async () => {
    expect(await turns(4)).toEqual([0, 300, 600, 900])
  })

  test('is refused with the time to come again when its turn would be more than two seconds away', async () => {
    const answers = await turns(10)
    expect(answers.slice(0, 7)).toEqual([0, 300, 600, 900, 1_200, 1_500, 1_800])
    for (const refused of answers.slice(7))
      expect(refused).toMatchObject({ code: 'busy', status: 503, extra: { headers: { 'Retry-After': '3' } } })
  })

  test('is done again as soon as those who waited had their turns', async () => {
    await turns(7)
    vi.advanceTimersByTime(300)
    expect(await turns(1)).toEqual([0])
  })

  test('is done when the clock is set back', async () => {
    await turns(7)
    vi.setSystemTime(Date.now() - 3_600_000)
    expect(await turns(1)).toEqual([0])
  })

  test('is never done by two at once, however long it takes', async () => {
    let atWork = 0
    const work = async (pause: () => Promise<void>) => {
      const others = atWork++
      for (let part = 0; part < 10; part++) {
        await pause()
        vi.setSystemTime(Date.now() + 40) // four times as slow as it was taken to be
      }
      atWork--
      return others
    }
    const asked = [inTurn(MS, work), inTurn(MS, work), inTurn(MS, work)]
    await vi.runAllTimersAsync()
    expect(await Promise.all(asked)).toEqual([0, 0, 0])
  })

  test('of somebody who went away is over after two and a half', async () => {
    void inTurn(MS, () => new Promise(() => undefined)) // never comes back
    await vi.advanceTimersByTimeAsync(0)
    const [began = 0] = await turns(1)
    expect(began).toBeGreaterThan(2_000)
    expect(began).toBeLessThan(2_500)
  })

  test('of somebody who comes back too late is not gone on with', async () => {
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

  test('that fails gives its error to who asked, and the next turn to the next', async () => {
    const failed = inTurn(MS, (): Promise<string> => Promise.reject(new Error('no memory'))).catch(
      (error: Error) => error.message,
    )
    expect(await turns(1)).toEqual([300])
    expect(await failed).toBe('no memory')
  })

  test('is not waited for where another one does not end', async () => {
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
