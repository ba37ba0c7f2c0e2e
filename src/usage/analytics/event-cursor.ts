import { noCursor } from '../../http/paging.ts'
import { decodePlace, encodePlace } from '../../lib/cursor.ts'
import { LONGEST_ID } from '../reservation-id.ts'
import type { EventRow, Place } from './events.ts'

/** Encodes the end of a page as an opaque token. Ids are chosen by callers, so a cursor also contains the time. */
export function encodeCursor({ occurred_at, id }: EventRow): string {
  return encodePlace([occurred_at, id])
}

/** @throws Problem `invalid_request` if it is not a cursor of this list */
export function parseCursor(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined
  const [occurredAt, id] = decodePlace(cursor, 2) ?? []
  if (!isTime(occurredAt) || !isId(id)) throw noCursor()
  return { occurredAt, id }
}

const isTime = (value: unknown): value is string =>
  typeof value === 'string' &&
  /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value) &&
  !Number.isNaN(Date.parse(value))

const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0') && value.length <= LONGEST_ID
