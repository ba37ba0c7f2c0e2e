import type { Deps } from '../../deps.ts'
import { describeUnknown } from '../../lib/unknown-fields.ts'
import { findMeters } from '../../limits/meters/catalog.ts'
import { Problem } from '../../problems.ts'
import { ORDERS } from './breakdown.ts'

/**
 * Requires that a breakdown is sorted by a known figure or a custom counter.
 *
 * @throws Problem `invalid_request` that names `order`
 */
export async function requireOrder(deps: Deps, order: string): Promise<void> {
  if ((ORDERS as readonly string[]).includes(order)) return
  const meters = await findMeters(deps, [order])
  const counters = Object.keys(meters).filter((slug) => meters[slug]?.kind === 'counter')
  if (counters.includes(order)) return
  const message = describeUnknown(order, [...ORDERS, ...counters], 'figure')
  throw new Problem('invalid_request', { errors: [{ path: 'query.order', message }] })
}
