/** Lists in Stripe's paging format. */
import { type Call, json, type Reply } from '../http.ts'
import type { Shop } from './shop.ts'
import { expandPayment } from './stripe-one-off.ts'
import * as shapes from './stripe-shapes.ts'

/** Paid sessions, whatever they were for; with the charge of a payment that is expanded. */
export function listSessions(shop: Shop, call: Call): Reply {
  const asked = call.url.searchParams
  const since = Number(asked.get('created[gte]') ?? 0)
  const found = [...shop.checkouts.values()]
    .filter(({ status }) => asked.get('status') !== 'complete' || status === 'succeeded')
    .filter(({ createdAt }) => Math.floor(createdAt.getTime() / 1_000) >= since)
    .toReversed()
  const isExpanded = expansions(call).includes('data.payment_intent.latest_charge')
  return json(
    200,
    listPage(found, call, (one) => {
      const payment = shop.payments.get(one.paymentId ?? '')
      const session = shapes.stripeSession(one, null)
      return isExpanded && payment ? { ...session, payment_intent: expandPayment(payment) } : session
    }),
  )
}

/** @param shape formats each item */
export function listPage<One extends { readonly id: string }>(
  all: readonly One[],
  call: Call,
  shape: (one: One) => object,
) {
  const asked = call.url.searchParams
  const after = asked.get('starting_after')
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1
  const limit = Math.min(100, Number(asked.get('limit')) || 10)
  const data = all.slice(from, from + limit).map(shape)
  return { object: 'list', data, has_more: all.length > from + limit }
}

/** The fields that a call asks to expand. */
export const expansions = ({ url, body }: Call): string[] =>
  [...url.searchParams, ...new URLSearchParams(body)].flatMap(([name, value]) =>
    name.startsWith('expand[') ? [value] : [],
  )
