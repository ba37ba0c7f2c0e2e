import type { Part } from '../memory.ts'
import type { Shop } from './shop.ts'

/** What happens in a shop; what it sells and how it tells are made again at each start. */
type ShopState = Pick<Shop, 'customers' | 'checkouts' | 'subscriptions' | 'orders' | 'payments'>

/** @returns the state of a shop, to be kept and put back */
export function shopMemory({ customers, checkouts, subscriptions, orders, payments }: Shop): Part<ShopState> {
  return {
    read: () => ({ customers, checkouts, subscriptions, orders, payments }),
    restore(kept) {
      for (const [id, one] of kept.customers) customers.set(id, one)
      for (const [id, one] of kept.checkouts) checkouts.set(id, one)
      for (const [id, one] of kept.subscriptions) subscriptions.set(id, one)
      orders.push(...kept.orders)
      for (const [id, one] of kept.payments ?? []) payments.set(id, one) // what an earlier version kept has none
    },
  }
}
