/**
 * A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits. Sorts by time, which keeps indexes dense.
 *
 * The random bits are those of a version 4, which the platform writes faster than code here could.
 *
 * @param now Unix time in milliseconds
 */
export function uuidv7(now: number): string {
  const time = Math.floor(now).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`
}
