/** How long a prompt may take to arrive, and how much room it holds meanwhile. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readPromptText } from '../../../src/gateway/llm/prompt-body.ts'
import { openRoom } from '../../../src/gateway/llm/prompt-room.ts'

const MB = 1024 * 1024
const BIG = new Uint8Array(12 * MB).fill(0x61)

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** A prompt that a caller sends piece by piece. */
function sendPrompt(headers: Record<string, string> = {}) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  writer.closed.catch(() => undefined)
  const body = readable
  const request = { body, headers: new Headers(headers) } as Pick<Request, 'body' | 'headers'> as Request
  const ended = readPromptText(request, Date.now).then(
    ({ text, room }) => {
      room.free()
      return text.length
    },
    (error: { code?: string }) => error.code ?? error,
  )
  return { writer, ended, send: (bytes: Uint8Array) => writer.write(bytes) }
}

/** Whether there is room for 20 MB more. */
function hasRoom(): boolean {
  const room = openRoom()
  try {
    room.grow(20 * MB)
    return true
  } catch {
    return false
  } finally {
    room.free()
  }
}

test('an announced length takes no room, and a caller who sends nothing for ten seconds is refused', async () => {
  const { ended } = sendPrompt({ 'Content-Length': String(20 * MB) })

  await vi.advanceTimersByTimeAsync(9_999)
  expect(hasRoom()).toBe(true)
  await vi.advanceTimersByTimeAsync(1)

  expect(await ended).toBe('body_too_slow')
})

test('a caller who stops in the middle holds the room of the bytes that were read for ten seconds', async () => {
  const { ended, send, writer } = sendPrompt({ 'Content-Length': String(20 * MB) })
  await send(BIG)

  await vi.advanceTimersByTimeAsync(9_999)
  expect(hasRoom()).toBe(false)
  await vi.advanceTimersByTimeAsync(1)

  expect(await ended).toBe('body_too_slow')
  expect(hasRoom()).toBe(true)
  await expect(writer.closed).rejects.toBeUndefined()
})

test('a prompt that arrives byte by byte is too slow after ten seconds, and one at 64 kB/s never is', async () => {
  const slow = sendPrompt()
  const steady = sendPrompt()
  for (let second = 0; second < 30; second++) {
    void slow.send(new Uint8Array([0x61])).catch(() => undefined)
    await steady.send(new Uint8Array(64_000).fill(0x61))
    await vi.advanceTimersByTimeAsync(1_000)
  }
  await steady.writer.close()

  expect(await slow.ended).toBe('body_too_slow')
  expect(await steady.ended).toBe(30 * 64_000)
})

test('if two growing prompts do not fit together, one is refused midway and drained, and the other is accepted', async () => {
  const [first, second] = [sendPrompt(), sendPrompt()]
  await first.send(BIG)
  await second.send(BIG)
  await second.send(BIG)
  await second.writer.close()
  await first.send(new Uint8Array(MB).fill(0x61))
  await first.writer.close()

  expect(await second.ended).toBe('unavailable')
  expect(await first.ended).toBe(13 * MB)
  expect(hasRoom()).toBe(true)
})

test('a prompt that is not UTF-8 or too large is refused while it is read', async () => {
  const invalid = sendPrompt()
  await invalid.send(new Uint8Array([0xff]))
  await invalid.writer.close()
  expect(await invalid.ended).toBe('malformed_json')

  const large = sendPrompt()
  await large.send(BIG)
  await large.send(BIG)
  await large.writer.close()
  expect(await large.ended).toBe('body_too_large')
})
