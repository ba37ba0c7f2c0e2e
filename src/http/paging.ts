import { decodeCursor } from '../lib/cursor.ts'
import { Problem } from '../problems.ts'

/** The requested page of a list: how many rows, and the id of the last row on the page before. */
export interface PageRequest {
  readonly limit: number
  readonly after: string | undefined
}

/**
 * @param form the form of the list's ids, if they are not UUIDs
 * @returns the id after which the page begins
 * @throws Problem `invalid_request` if the cursor is not one of this API
 */
export function pageEnd(cursor: string | undefined, form?: RegExp): string | undefined {
  if (cursor === undefined) return undefined
  const id = decodeCursor(cursor, form)
  if (!id) throw noCursor()
  return id
}

/** The cursor is not one of this API, or of another list. */
export const noCursor = () =>
  new Problem('invalid_request', { errors: [{ path: 'query.cursor', message: 'is not a cursor of this list' }] })
