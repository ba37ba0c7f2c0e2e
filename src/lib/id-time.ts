/** The time at the start of a UUIDv7. `uuid.ts` creates them. */

/** A UUIDv7 in its text form; the first 48 bits are Unix milliseconds (RFC 9562 §5.7). */
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** ISO 8601 writes years beyond 9999 in a form that Postgres does not accept. */
export const LAST_MOMENT = Date.UTC(9999, 0, 1)

/** @returns when an id was created, in Unix milliseconds; undefined for an id without a time */
export function readTime(id: string): number | undefined {
  if (!UUID_V7.test(id)) return undefined
  const time = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
  return time < LAST_MOMENT ? time : undefined
}

/** The first id of a moment, in the order of UUIDv7s. @param time Unix milliseconds */
export function firstIdAt(time: number): string {
  const hex = Math.max(0, Math.floor(time)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}
