import { expect, onTestFinished, test, vi } from 'vitest'
import { startCrons } from '../../../local/stand-alone/crons.ts'

const EVERY_SECOND = '* * * * * *'

/** What was logged under an event's name. */
function watchLog(event: string) {
  const lines: string[] = []
  const keep = (line: unknown) => void (String(line).includes(`"${event}"`) && lines.push(String(line)))
  for (const level of ['log', 'info', 'warn', 'error'] as const) vi.spyOn(console, level).mockImplementation(keep)
  onTestFinished(() => void vi.restoreAllMocks())
  return lines
}

test('a cron that is still running when it is due again is skipped, which is logged, and runs again afterwards', async () => {
  const skipped = watchLog('cron_skipped')
  const held = Promise.withResolvers<void>()
  let [begun, atOnce, most] = [0, 0, 0]
  const stop = startCrons([EVERY_SECOND], async () => {
    begun += 1
    most = Math.max(most, ++atOnce)
    if (begun === 1) await held.promise
    atOnce -= 1
  })
  onTestFinished(stop)
  await vi.waitUntil(() => skipped.length >= 2, { timeout: 30_000 })
  expect(begun).toBe(1)
  expect(skipped[0]).toContain(EVERY_SECOND)
  held.resolve()
  await vi.waitUntil(() => begun >= 2, { timeout: 30_000 })
  expect(most).toBe(1)
}, 70_000)

test('a cron that fails is logged, and runs again', async () => {
  const failed = watchLog('cron_failed')
  let begun = 0
  const stop = startCrons([EVERY_SECOND], async () => {
    begun += 1
    throw new Error('It does not work.')
  })
  onTestFinished(stop)
  await vi.waitUntil(() => begun >= 2 && failed.length >= 1, { timeout: 30_000 })
  expect(failed[0]).toContain('It does not work.')
}, 40_000)
