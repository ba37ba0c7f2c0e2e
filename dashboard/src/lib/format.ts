/** How numbers, money and times are written: in US English, like the rest of the page. */
const LOCALE = 'en-US'
const whole = new Intl.NumberFormat(LOCALE)
const short = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 })
const percent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 })
const absolute = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' })
const clock = new Intl.DateTimeFormat(LOCALE, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const day = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium' })
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' })

export const formatNumber = (value: number): string => whole.format(value)
/** 12,345 as 12.3K. */
export const formatShort = (value: number): string =>
  Math.abs(value) < 10_000 ? whole.format(value) : short.format(value)
export const formatPercent = (share: number): string => percent.format(share)

/** @param amount a decimal string or a number, in the currency's main unit */
export function formatMoney(amount: string | number, currency = 'USD'): string {
  const value = Number(amount)
  const isSmall = value !== 0 && Math.abs(value) < 0.01
  return new Intl.NumberFormat(LOCALE, {
    style: 'currency',
    currency: currency.toUpperCase(),
    ...(isSmall && { maximumFractionDigits: 6 }),
  }).format(value)
}

/** An amount in the smallest unit of its currency, which some currencies do not divide. */
export function formatPrice(cents: number, currency = 'usd'): string {
  const format = new Intl.NumberFormat(LOCALE, { style: 'currency', currency: currency.toUpperCase() })
  return format.format(cents / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
}

const exact = new Intl.NumberFormat(LOCALE, {
  style: 'currency',
  currency: 'USD',
  minimumFractionDigits: 2,
  maximumFractionDigits: 12,
})

/** A price in US dollars with all its decimals: rounded, it would be another price. */
export const formatUnitPrice = (amount: string | number): string => exact.format(Number(amount))

export const formatDate = (time: string | number): string => day.format(new Date(time))
export const formatTime = (time: string | number): string => absolute.format(new Date(time))
/** To the second and without the year, for logs: "Nov 28, 14:05:09". */
export const formatClock = (time: string | number): string => clock.format(new Date(time))
export const formatUtc = (time: string | number): string =>
  new Date(time)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')

const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** "3 minutes ago", "in 2 days". */
export function formatRelative(time: string | number, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1_000
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? (['second', 1] as const)
  if (unit === 'second') return Math.abs(seconds) < 10 ? 'just now' : relative.format(Math.round(seconds), 'second')
  return relative.format(Math.round(seconds / size), unit)
}

/** Milliseconds as "840 ms" or "1.2 s". */
export const formatDuration = (ms: number): string =>
  ms < 1_000 ? `${Math.round(ms)} ms` : `${whole.format(Math.round(ms / 100) / 10)} s`

/** `input_tokens` as "Input tokens". */
export function formatName(name: string): string {
  const words = name.replaceAll(/[_.-]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** A number and what it counts: `1 key`, `1,200 keys`. */
export const formatCount = (amount: number, one: string, many = `${one}s`) =>
  `${formatNumber(amount)} ${amount === 1 ? one : many}`
