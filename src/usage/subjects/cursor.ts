import { noCursor } from '../../http/paging.ts'
import { decodePlace, encodePlace } from '../../lib/cursor.ts'

/** The last subject of a page, with the figure it was sorted by, and the days of the list. */
export interface SubjectPlace {
  readonly order: string
  /** Days such as `2026-11-21`; `to` is exclusive. */
  readonly from: string
  readonly to: string
  /** Decimal text, as the database has it. */
  readonly measure: string
  readonly requests: number
  readonly subject: string
}

export const encodeCursor = ({ order, from, to, measure, requests, subject }: SubjectPlace): string =>
  encodePlace([order, from, to, measure, requests, subject])

/**
 * @param order the figure that the list is sorted by: a cursor of another list is refused
 * @throws Problem `invalid_request` if it is not a cursor of this list
 */
export function parseCursor(cursor: string | undefined, order: string): SubjectPlace | undefined {
  if (cursor === undefined) return undefined
  const place = toPlace(decodePlace(cursor, 6) ?? [])
  if (place?.order !== order) throw noCursor()
  return place
}

function toPlace([order, from, to, measure, requests, subject]: readonly unknown[]): SubjectPlace | undefined {
  const isPlace =
    isText(order) && isDay(from) && isDay(to) && isDecimal(measure) && Number.isSafeInteger(requests) && isText(subject)
  return isPlace ? { order, from, to, measure, requests: requests as number, subject } : undefined
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0') && value.length <= 128

const isDay = (value: unknown): value is string =>
  typeof value === 'string' && /^20\d\d-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value))

const isDecimal = (value: unknown): value is string =>
  typeof value === 'string' && /^-?\d{1,40}(\.\d{1,20})?$/.test(value)
