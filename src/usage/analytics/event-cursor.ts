import { base64url, fromBase64, utf8 } from '../../lib/bytes.ts'
import { LONGEST_ID } from '../reservation-id.ts'
import type { EventRow, Place } from './events.ts'
import { invalidSpan } from './span.ts'

/** Encodes the end of a page as an opaque token. Ids are chosen by callers, so a cursor also contains the time. */
export function encodeCursor({ occurred_at, id }: EventRow): string {
  return base64url(utf8(JSON.stringify([occurred_at, id])))
}

/** @throws Problem `invalid_request` if it is not a cursor of this list */
export function parseCursor(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined
  const place = decodePlace(cursor)
  if (!place) throw invalidSpan('query.cursor', 'is not a cursor of this list')
  return place
}

function decodePlace(cursor: string): Place | undefined {
  try {
    const bytes = fromBase64(cursor)
    const parts: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    if (!Array.isArray(parts) || parts.length !== 2) return undefined
    const [occurredAt, id] = parts as unknown[]
    return isTime(occurredAt) && isId(id) ? { occurredAt, id } : undefined
  } catch {
    return undefined
  }
}

const isTime = (value: unknown): value is string =>
  typeof value === 'string' &&
  /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value) &&
  !Number.isNaN(Date.parse(value))

const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0') && value.length <= LONGEST_ID
