/** Any UUID, in upper or lower case. */
export const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/**
 * The millisecond of the last id, and how many ids it has so far: the ids of one isolate sort in the order of their
 * creation.
 */
let lastTime = -1
let counter = 0

/**
 * A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, 12 bits that count within one (§6.2, method 1; after 2,048 it may
 * start over), then 62 random bits. It sorts by time, which keeps indexes dense.
 *
 * The random bits are those of a version 4, which the platform creates faster than code here could.
 *
 * @param now Unix time in milliseconds
 */
export function uuidv7(now: number): string {
  const time = Math.floor(now)
  const random = crypto.randomUUID()
  counter = time === lastTime ? (counter + 1) & 0xfff : Number.parseInt(random.slice(0, 3), 16) >> 1
  lastTime = time
  const hex = time.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${counter.toString(16).padStart(3, '0')}${random.slice(18)}`
}
