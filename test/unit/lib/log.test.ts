import { expect, test, vi } from 'vitest'
import { logHeld, logRepeated } from '../../../src/lib/log.ts'

/** The warnings logged while a test runs, with a clock that only the test moves. */
function watch(run: (advance: (ms: number) => void) => void) {
  const lines: string[] = []
  const written = vi.spyOn(console, 'warn').mockImplementation((line) => void lines.push(String(line)))
  let now = Date.UTC(2026, 10, 28)
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now)
  try {
    run((ms) => void (now += ms))
    logHeld(true) // all files share the module
  } finally {
    clock.mockRestore()
    written.mockRestore()
  }
  return lines.map((line) => JSON.parse(line))
}

test('a line that repeats during an outage is written once a second, and counts those in between', () => {
  const lines = watch((advance) => {
    for (const ms of [0, 1, 998, 1, 0, 5_000, -60_000]) {
      advance(ms)
      logRepeated('warn', 'of_a_test', { units: 3 })
    }
    logRepeated('warn', 'another_of_a_test')
  })
  expect(lines).toEqual([
    { level: 'warn', event: 'of_a_test', units: 3, count: 1 },
    { level: 'warn', event: 'of_a_test', units: 3, count: 3 },
    { level: 'warn', event: 'of_a_test', units: 3, count: 2 },
    { level: 'warn', event: 'of_a_test', units: 3, count: 1 }, // the clock was set back
    { level: 'warn', event: 'another_of_a_test', count: 1 },
  ])
})

test('held-back lines are written a second later even without a further line, once, as the last of them', () => {
  const lines = watch((advance) => {
    for (const units of [1, 2, 3]) logRepeated('warn', 'of_a_test', { units })
    logRepeated('warn', 'another_of_a_test')
    advance(999)
    logHeld()
    advance(1)
    logHeld()
    logHeld()
    logRepeated('warn', 'of_a_test', { units: 4 })
  })
  expect(lines).toEqual([
    { level: 'warn', event: 'of_a_test', units: 1, count: 1 },
    { level: 'warn', event: 'another_of_a_test', count: 1 },
    { level: 'warn', event: 'of_a_test', units: 3, count: 2 },
    { level: 'warn', event: 'of_a_test', units: 4, count: 1 },
  ])
})

test('a process that ends writes the lines that were just held back', () => {
  const lines = watch(() => {
    for (const units of [1, 2]) logRepeated('warn', 'of_a_test', { units })
    logHeld(true)
  })
  expect(lines.map(({ count }) => count)).toEqual([1, 1])
})
