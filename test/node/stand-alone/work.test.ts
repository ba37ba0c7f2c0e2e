import { expect, onTestFinished, test, vi } from 'vitest'
import { counted, countIn, countWork } from '../../../local/stand-alone/worker/work.ts'

const HOUR_MS = 3_600_000

test('work counts until it ends or fails, even a stream that has run for an hour', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const [stream, failing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const deferred: Promise<unknown>[] = []
  const waitUntil = (work: Promise<unknown>) => void deferred.push(work)
  countIn({ waitUntil, passThroughOnException: () => undefined, props: {} }).waitUntil(stream.promise)
  vi.advanceTimersByTime(HOUR_MS)
  const second = counted(failing.promise)
  expect(countWork()).toBe(2)

  failing.reject(new Error('It failed.'))
  await second
  expect(countWork()).toBe(1)
  vi.advanceTimersByTime(HOUR_MS)
  expect(countWork()).toBe(1)

  stream.resolve()
  await Promise.all(deferred)
  expect(countWork()).toBe(0)
})
