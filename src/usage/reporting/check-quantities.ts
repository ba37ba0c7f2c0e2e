import type { Deps } from '../../deps.ts'
import { checkAmounts } from '../../metering/quantity-flaws.ts'
import type { Item, Rejection } from './read-item.ts'

/**
 * Checks and rounds the amounts of custom meters.
 *
 * @returns each item, or why it is rejected
 * @throws Problem `unavailable` when the meters have to be read and the database does not answer
 */
export async function checkQuantities(deps: Deps, items: readonly Item[]): Promise<readonly (Item | Rejection)[]> {
  const checked = await checkAmounts(
    deps,
    items.map(({ event }) => event),
  )
  return items.map((item, at) => {
    const event = checked[at] ?? item.event
    const { index, id } = item
    return typeof event === 'string' ? { index, id, code: 'invalid_event', detail: event } : { ...item, event }
  })
}
