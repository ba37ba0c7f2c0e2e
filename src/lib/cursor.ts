import { base64url } from './bytes.ts'

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

/** Splits a list that has one row more than requested into a page and the cursor of the next page. */
export function page<T extends { id: string }>(rows: readonly T[], limit: number) {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data, next_cursor: rows.length > limit && last ? encodeCursor(last.id) : null }
}
