import type { Part } from '../memory.ts'
import type { Shop } from './shop.ts'

/** The state of a shop; its products and its sender are created again at each start. */
type ShopState = Pick<Shop, 'customers' | 'checkouts' | 'subscriptions' | 'orders' | 'payments'>

/** @returns the state of a shop, to be saved and restored */
export function shopMemory({ customers, checkouts, subscriptions, orders, payments }: Shop): Part<ShopState> {
  return {
    read: () => ({ customers, checkouts, subscriptions, orders, payments }),
    restore(kept) {
      for (const [id, one] of kept.customers) customers.set(id, one)
      for (const [id, one] of kept.checkouts) checkouts.set(id, one)
      for (const [id, one] of kept.subscriptions) subscriptions.set(id, one)
      orders.push(...kept.orders)
      for (const [id, one] of kept.payments ?? []) payments.set(id, one) // state of an earlier version has none
    },
  }
}
