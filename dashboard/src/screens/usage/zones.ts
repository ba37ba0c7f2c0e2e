/** The time zone of this browser. */
export const LOCAL_ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone

/**
 * Time zones as choices: the browser's own (an empty value), UTC, and all others by name. The chosen one is among them
 * also where this browser lists it under another name.
 */
export function zoneOptions(chosen: string): (readonly [value: string, name: string])[] {
  const known = new Set([...(chosen ? [chosen] : []), ...Intl.supportedValuesOf('timeZone')])
  const others = [...known].filter((zone) => zone !== LOCAL_ZONE && zone !== 'UTC')
  const utc = LOCAL_ZONE === 'UTC' ? [] : [['UTC', 'UTC'] as const]
  return [['', `Local (${LOCAL_ZONE})`], ...utc, ...others.map((zone) => [zone, zone.replaceAll('_', ' ')] as const)]
}

/** @returns the calendar day that a moment is in, as `2026-11-21` */
export const dayIn = (at: number, zone: string): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(at)

const HOUR_MS = 3_600_000

/**
 * @returns when a day such as `2026-11-21` begins in a time zone, in milliseconds since 1970: its first whole UTC hour,
 *   since usage is summed by these
 */
export function dayStart(day: string, zone: string): number {
  const utc = Date.parse(`${day}T00:00:00Z`)
  const first = utc - offset(utc, zone)
  const start = utc - offset(first, zone) // the clock may change between the two
  return Math.ceil(start / HOUR_MS) * HOUR_MS
}

function offset(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(at)
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '00'
  const clock = `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}Z`
  return Date.parse(clock) - Math.floor(at / 1_000) * 1_000
}

/** @returns a day that is some days later, or earlier */
export function addDays(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() + days)
  return date.toISOString().slice(0, 10)
}
