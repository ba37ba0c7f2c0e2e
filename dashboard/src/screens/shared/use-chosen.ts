import { useState } from 'react'

/**
 * The row of a list that a panel shows. It follows the list: when that is read again, so is the row.
 *
 * @returns the row, if one is chosen and still listed, and a function that chooses
 */
export function useChosen<Item extends { id: string }>(rows: readonly Item[] | undefined) {
  const [id, setId] = useState<string>()
  return [rows?.find((row) => row.id === id), (row?: Item) => setId(row?.id)] as const
}
