import { toIso } from '../../lib/iso.ts'
import { toMonth } from '../../lib/period.ts'
import { Problem } from '../../problems.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** Unix milliseconds; `to` is exclusive. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** The whole UTC hours that contain a span: the resolution of roll-ups. */
export function wholeHours({ from, to }: Span): Span {
  return { from: Math.floor(from / HOUR_MS) * HOUR_MS, to: Math.ceil(to / HOUR_MS) * HOUR_MS }
}

/** @throws Problem `invalid_request` when it is empty, reversed, or longer than `days` */
export function checkSpan(span: Span, days: number): Span {
  if (span.from >= span.to) throw invalidSpan('query.to', 'must be later than from')
  if (span.to - span.from > days * DAY_MS) throw invalidSpan('query.from', `must be at most ${days} days before to`)
  return span
}

export function invalidSpan(path: string, message: string): Problem {
  return new Problem('invalid_request', { errors: [{ path, message }] })
}

/**
 * A span of whole hours, cut into the whole UTC days inside it and the hours at its edges.
 *
 * @returns three spans that follow each other, any of which may be empty
 */
export function cutIntoDays({ from, to }: Span): { before: Span; days: Span; after: Span } {
  const first = Math.ceil(from / DAY_MS) * DAY_MS
  const last = Math.floor(to / DAY_MS) * DAY_MS
  if (first > last) return { before: { from, to }, days: { from: to, to }, after: { from: to, to } }
  return { before: { from, to: first }, days: { from: first, to: last }, after: { from: last, to } }
}

/**
 * A span of whole UTC days, cut into the whole months inside it and the days around them.
 *
 * @returns three spans that follow each other, any of which may be empty
 */
export function cutIntoMonths({ from, to }: Span): { before: Span; months: Span; after: Span } {
  const month = toMonth(from)
  const first = month.start === from ? from : month.end
  const last = toMonth(to).start
  if (first >= last) return { before: { from, to }, months: { from: to, to }, after: { from: to, to } }
  return { before: { from, to: first }, months: { from: first, to: last }, after: { from: last, to } }
}

/** @returns the beginning of each hour of a span of whole hours */
export const listHours = ({ from, to }: Span): number[] =>
  Array.from({ length: (to - from) / HOUR_MS }, (_, at) => from + at * HOUR_MS)

export const isEmpty = ({ from, to }: Span) => from >= to

/** The UTC day that contains a moment, such as `2026-11-21`. */
export const formatDay = (at: number) => toIso(at).slice(0, 10)
