import { base64url } from './bytes.ts'

/** A page's end as an opaque token: clients hand it back, and only we know that it holds the last id. */
function encodeCursor(lastId: string): string {
  return base64url(new TextEncoder().encode(lastId))
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * @param form the form of the list's ids
 * @returns the id inside, or `undefined` when this is no cursor of ours
 */
export function decodeCursor(cursor: string, form = UUID): string | undefined {
  try {
    const id = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))
    return form.test(id) ? id : undefined
  } catch {
    return undefined
  }
}

/** Cuts one row more than asked for into a page and the cursor of the next one. */
export function page<T extends { id: string }>(rows: readonly T[], limit: number) {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data, next_cursor: rows.length > limit && last ? encodeCursor(last.id) : null }
}
