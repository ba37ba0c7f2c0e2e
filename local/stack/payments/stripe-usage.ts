import { randomUUID } from 'node:crypto'
import { json, type Reply } from '../http.ts'
import { mapPart } from '../memory.ts'
import type { Customer, Shop } from './shop.ts'
import { type Form, textAt } from './stripe-form.ts'

const OLDEST_SECONDS = 35 * 86_400
const NEWEST_SECONDS = 5 * 60

/** A meter event that was taken. */
export interface StripeUsage {
  readonly identifier: string
  readonly eventName: string
  readonly customerId: string
  readonly value: number
  readonly timestamp: number
}

/** Stripe's meter events: an identifier counts once, values are texts, times are at most 35 days old. */
export function createStripeUsage(shop: Shop) {
  const taken = new Map<string, StripeUsage>()

  function take(form: Form): Reply {
    const now = Math.floor(Date.now() / 1_000)
    const event: StripeUsage = {
      identifier: textAt(form, 'identifier') ?? randomUUID(),
      eventName: textAt(form, 'event_name') ?? '',
      customerId: textAt(form, 'payload', 'stripe_customer_id') ?? '',
      value: Number(textAt(form, 'payload', 'value') ?? Number.NaN),
      timestamp: Number(textAt(form, 'timestamp') ?? now),
    }
    const refusal = findRefusal(event, { now, customer: shop.customers.get(event.customerId), known: taken })
    if (refusal) return refusal
    taken.set(event.identifier, event)
    return json(200, {
      object: 'billing.meter_event',
      created: now,
      event_name: event.eventName,
      identifier: event.identifier,
      livemode: false,
      payload: { stripe_customer_id: event.customerId, value: String(event.value) },
      timestamp: event.timestamp,
    })
  }

  return { take, list: () => [...taken.values()], memory: mapPart(taken) }
}

interface Facts {
  readonly now: number
  readonly customer: Customer | undefined
  readonly known: ReadonlyMap<string, StripeUsage>
}

function findRefusal(event: StripeUsage, { now, customer, known }: Facts): Reply | undefined {
  const { identifier, eventName, value, timestamp } = event
  if (eventName === '') return stripeError('parameter_missing', 'Missing required param: event_name.', 'event_name')
  if (!Number.isInteger(value) || value < 0)
    return stripeError('meter_event_invalid_value', 'Invalid value in payload.', 'payload[value]')
  if (!customer) return stripeError('resource_missing', 'No such customer.', 'payload[stripe_customer_id]')
  if (!(timestamp >= now - OLDEST_SECONDS)) return stripeError('timestamp_too_far_in_past', 'Too old.', 'timestamp')
  if (timestamp > now + NEWEST_SECONDS) return stripeError('timestamp_in_future', 'In the future.', 'timestamp')
  if (!known.has(identifier)) return undefined
  return stripeError('duplicate_meter_event', `An event already exists with identifier ${identifier}.`, 'identifier')
}

export function stripeError(code: string, message: string, param?: string, status = 400): Reply {
  const type = status === 402 ? 'card_error' : 'invalid_request_error'
  return json(status, { error: { type, code, message, ...(param && { param }) } })
}
