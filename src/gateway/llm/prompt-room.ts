import { Problem } from '../../problems.ts'

/**
 * Bytes of prompts that an isolate holds at a time. While one is read it is there up to five times, as bytes, as text, parsed, and
 * written again; Cloudflare gives an isolate 128 MB.
 */
export const ROOM_BYTES = 22 * 1024 * 1024
/** So small ones always have room: what a large one leaves is for those between. */
const SMALL_BYTES = 64 * 1024

let held = 0

/** The room that a prompt holds, until the upstream's answer begins. */
export interface Room {
  /**
   * Sets how many bytes of the prompt have been read.
   *
   * @throws Problem `unavailable` with `Retry-After` while other prompts hold the room
   */
  grow(bytes: number): void
  /** The prompt is read, and is not larger than this. */
  shrink(bytes: number): void
  /** May be called twice. */
  free(): void
}

/**
 * Room for a prompt, which grows while the prompt is read. An announced length takes no room, because a caller who
 * sends nothing would hold it.
 */
export function openRoom(): Room {
  let own = 0
  const resize = (to: number) => {
    held += to - own
    own = to
  }
  const grow = (to: number) => {
    if (to <= own) return
    requireRoom(to, held - own)
    resize(to)
  }
  return { grow, shrink: (to) => resize(Math.min(own, to)), free: () => resize(0) }
}

/** @throws Problem `unavailable` with `Retry-After` if a prompt of this length does not fit now, beside the others */
export const requireRoomFor = (bytes: number): void => requireRoom(bytes, held)

function requireRoom(bytes: number, ofOthers: number): void {
  if (bytes <= SMALL_BYTES || ofOthers === 0 || ofOthers + bytes <= ROOM_BYTES) return
  throw new Problem('unavailable', {
    detail: 'Too many large prompts are on their way; retry after the time in Retry-After.',
    headers: { 'Retry-After': '2' },
  })
}
