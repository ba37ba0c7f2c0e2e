import type { Deps } from '../../deps.ts'
import { quoteName } from '../../lib/unknown-fields.ts'
import { findMeters } from '../../limits/meter-catalogue.ts'
import { readQuantities } from '../../limits/quantities.ts'
import type { Item, Rejection } from './read-item.ts'

/**
 * Checks the amounts of custom meters: each must be of a meter that there is, with no more decimals than it has.
 *
 * @returns each item, or why it is rejected
 * @throws Problem `unavailable` when the meters have to be read and the database does not answer
 */
export async function checkQuantities(deps: Deps, items: readonly Item[]): Promise<readonly (Item | Rejection)[]> {
  const named = new Set(items.flatMap(({ event }) => Object.keys(event.quantities ?? {})))
  if (named.size === 0) return items
  const meters = await findMeters(deps, named)
  return items.map((item) => {
    const read = readQuantities(item.event.quantities ?? {}, meters)
    if (!('slug' in read)) return item
    const { index, id } = item
    return { index, id, code: 'invalid_event', detail: `quantities.${quoteName(read.slug)}: ${read.message}` }
  })
}
