const AGO = /^ago:(\d+)h$/
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** A time in a query, so long before each request. So what is read again after a while has a span of the same length. */
export const hoursAgo = (hours: number): string => `ago:${hours}h`

/** @returns the time that a request sends for one of a query: of {@link hoursAgo} the next whole minute */
export function resolveMoment(text: string, now: number): string {
  const hours = AGO.exec(text)?.[1]
  if (hours === undefined) return text
  return new Date(Math.ceil(now / MINUTE_MS) * MINUTE_MS - Number(hours) * HOUR_MS).toISOString()
}
