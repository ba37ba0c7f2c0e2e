import { base64url, fromBase64, utf8 } from './bytes.ts'

/** Encodes a page's last id as an opaque token that clients send back. */
export function encodeCursor(lastId: string): string {
  return base64url(new TextEncoder().encode(lastId))
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * @param form the form of the list's ids
 * @returns the id inside, or `undefined` if this is not one of our cursors
 */
export function decodeCursor(cursor: string, form = UUID): string | undefined {
  try {
    const id = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))
    return form.test(id) ? id : undefined
  } catch {
    return undefined
  }
}

/** Encodes what a page's last row is sorted by, if that is more than an id: the row may be gone when the next page is asked for. */
export const encodePlace = (place: readonly (string | number)[]): string => base64url(utf8(JSON.stringify(place)))

/** @returns `undefined` if this is not a cursor of {@link encodePlace} with as many parts */
export function decodePlace(cursor: string, length: number): readonly unknown[] | undefined {
  try {
    const bytes = fromBase64(cursor)
    const place: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return Array.isArray(place) && place.length === length ? place : undefined
  } catch {
    return undefined
  }
}

/** Splits a list that has one row more than requested into a page and the cursor of the next page. */
export function page<T extends { id: string }>(
  rows: readonly T[],
  limit: number,
  encode = ({ id }: T) => encodeCursor(id),
) {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data, next_cursor: rows.length > limit && last ? encode(last) : null }
}
