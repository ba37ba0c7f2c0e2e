import { CallerGone } from '../../http/caller-gone.ts'
import { waitFor } from '../../lib/waiting.ts'
import { Problem } from '../../problems.ts'
import { openRoom, type Room, requireRoomFor } from './prompt-room.ts'

/** Larger prompts are sent as files, which are not read here. */
const MAX_BODY = 20 * 1024 * 1024
/** The longest time without a byte, and what every body has in addition to the time of its bytes. */
const PATIENCE_MS = 10_000
const SLOWEST_BYTES_PER_MS = 64
/** The longest time that a refused body is read. */
const DRAIN_MS = 10_000

type Reader = ReadableStreamDefaultReader<Uint8Array>

/**
 * Reads the text of a prompt. It takes the isolate's room while it is read: the caller frees it.
 *
 * @throws CallerGone; Problem `body_too_large`, `unavailable` while others have the room, `malformed_json` for what is not UTF-8,
 *   `body_too_slow` after ten seconds without a byte, or below 64 kB/s after the first ten seconds
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
    const left = began + PATIENCE_MS + bytes / SLOWEST_BYTES_PER_MS - now()
    const chunk = await readChunk(reader, Math.min(left, PATIENCE_MS))
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
 * Ends the reading of a body that is refused. A client that is still sending when the connection closes sees no answer, so the
 * rest is read and discarded first, unless it is not coming.
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
