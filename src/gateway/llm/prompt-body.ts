import { CallerGone } from '../../http/caller-gone.ts'
import { waitFor } from '../../lib/waiting.ts'
import { Problem } from '../../problems.ts'
import { openRoom, type Room, requireRoomFor } from './prompt-room.ts'

/** Larger prompts are sent as files, which are not read here. */
const MAX_BODY = 20 * 1024 * 1024
/** The longest time without a byte, and the time that every body has in addition to that for its bytes. */
const IDLE_TIMEOUT_MS = 10_000
const SLOWEST_BYTES_PER_MS = 64
/** How long the rest of a refused body is read at most. */
const DRAIN_MS = 10_000

type Reader = ReadableStreamDefaultReader<Uint8Array>

/**
 * Reads the text of a prompt. The bytes that have arrived take room in the isolate, until the caller frees it.
 *
 * @throws CallerGone; Problem `body_too_large`, `unavailable` while other prompts hold the room, `malformed_json` if
 *   the body is not UTF-8, `body_too_slow` after 10 s without a byte, or if it falls behind 64 kB/s, with 10 s to spare
 */
export async function readPromptText(request: Request, now: () => number): Promise<{ text: string; room: Room }> {
  const announced = Number(request.headers.get('Content-Length') ?? 0)
  if (announced > MAX_BODY) throw new Problem('body_too_large')
  const reader = (request.body as ReadableStream<Uint8Array>).getReader()
  const room = openRoom()
  try {
    requireRoomFor(announced)
    return { text: await readText(reader, room, now), room }
  } catch (error) {
    room.free()
    await end(reader, error)
    throw error
  }
}

async function readText(reader: Reader, room: Room, now: () => number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  const began = now()
  let [text, bytes] = ['', 0]
  for (;;) {
    const left = began + IDLE_TIMEOUT_MS + bytes / SLOWEST_BYTES_PER_MS - now()
    const chunk = await readChunk(reader, Math.min(left, IDLE_TIMEOUT_MS))
    if (chunk) bytes += chunk.byteLength
    if (bytes > MAX_BODY) throw new Problem('body_too_large')
    room.grow(bytes)
    text += decode(decoder, chunk)
    if (!chunk) return text
  }
}

/** @returns `undefined` at the end */
async function readChunk(reader: Reader, ms: number): Promise<Uint8Array | undefined> {
  if (ms <= 0) throw new Problem('body_too_slow')
  const reading = reader.read().catch(() => {
    throw new CallerGone()
  })
  const read = await waitFor(reading, ms)
  if (!read) throw new Problem('body_too_slow')
  return read.value
}

function decode(decoder: TextDecoder, chunk: Uint8Array | undefined): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()
  } catch {
    throw new Problem('malformed_json', { detail: 'The body is not valid UTF-8.' })
  }
}

/**
 * Stops reading a refused body. A client that is still sending when the connection closes does not see the response, so
 * the rest is read and discarded first, unless the client has stopped sending.
 */
async function end(reader: Reader, error: unknown): Promise<void> {
  const isComing = error instanceof Problem && error.code !== 'body_too_slow'
  if (isComing) await waitFor(discard(reader), DRAIN_MS)
  reader.cancel().catch(() => undefined)
}

async function discard(reader: Reader): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // the client may disconnect
  }
}
