import { json, type Reply } from '../http.ts'

const TYPES: Readonly<Record<string, string>> = { card_declined: 'card_error', idempotency_error: 'idempotency_error' }

/** A refusal in Stripe's format. */
export function stripeError(code: string, message: string, param?: string, status = 400): Reply {
  const type = TYPES[code] ?? 'invalid_request_error'
  return json(status, { error: { type, ...(code !== type && { code }), message, ...(param && { param }) } })
}
