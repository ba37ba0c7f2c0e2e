import { expect, test, vi } from 'vitest'
import { logRepeated } from '../../../src/lib/log.ts'

test('a line that an outage repeats is written once a second, and counts those between', () => {
  const lines: string[] = []
  const written = vi.spyOn(console, 'warn').mockImplementation((line) => void lines.push(String(line)))
  let now = Date.UTC(2026, 10, 28)
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now)
  try {
    for (const ms of [0, 1, 998, 1, 0, 5_000, -60_000]) {
      now += ms
      logRepeated('warn', 'of_a_test', { units: 3 })
    }
    logRepeated('warn', 'another_of_a_test')
  } finally {
    clock.mockRestore()
    written.mockRestore()
  }
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { level: 'warn', event: 'of_a_test', units: 3, count: 1 },
    { level: 'warn', event: 'of_a_test', units: 3, count: 3 },
    { level: 'warn', event: 'of_a_test', units: 3, count: 2 },
    { level: 'warn', event: 'of_a_test', units: 3, count: 1 }, // the clock was set back
    { level: 'warn', event: 'another_of_a_test', count: 1 },
  ])
})
