import type { Call, Reply } from '../http.ts'
import type { Parts } from '../memory.ts'
import type { Sender } from './send-webhooks.ts'
import type { Checkout, Shop } from './shop.ts'

/** A provider's secrets, which the Worker also has, and where its webhooks go; without an address they are only stored. */
export interface PaymentServiceOptions {
  readonly token: string
  readonly webhookSecret: string
  readonly webhookUrl?: string | undefined
}

/** Handles a method and a path below `/v1/`; it receives what the pattern captured. */
export type Handler = readonly [method: string, path: RegExp, answer: (call: Call, id: string) => Reply]

/** One provider: its data and its wire format. */
export interface PaymentService {
  readonly name: 'polar' | 'stripe'
  readonly shop: Shop
  readonly sender: Sender
  /** Reported usage, oldest first. */
  readonly usage: () => readonly object[]
  /** The state that survives a restart. */
  readonly memory: Parts
  readonly isAllowed: (call: Call) => boolean
  readonly refused: () => Reply
  readonly unknown: () => Reply
  readonly handlers: readonly Handler[]
}

/** Answers a call to the provider's API. */
export function answerApi(service: PaymentService) {
  return function answer(call: Call): Reply {
    if (!service.isAllowed(call)) return service.refused()
    const path = call.url.pathname.slice(`/${service.name}/v1/`.length)
    for (const [method, pattern, handle] of service.handlers) {
      const match = method === call.method ? pattern.exec(path) : null
      if (match) return handle(call, match[1] ?? '')
    }
    return service.unknown()
  }
}

/** One page in Polar's format. */
export function listPage(items: readonly object[], url: URL) {
  const limit = Math.min(100, Number(url.searchParams.get('limit')) || 10)
  const page = Math.max(1, Number(url.searchParams.get('page')) || 1)
  const pagination = { total_count: items.length, max_page: Math.ceil(items.length / limit) }
  return { items: items.slice((page - 1) * limit, page * limit), pagination }
}

/** The address to which a checkout's customer returns. */
export function returnAddress({ successUrl, id }: Checkout): string {
  return successUrl
    .replaceAll(/\{CHECKOUT_ID\}|%7BCHECKOUT_ID%7D/gi, id)
    .replaceAll(/\{CHECKOUT_SESSION_ID\}|%7BCHECKOUT_SESSION_ID%7D/gi, id)
}

/** A value as text: metadata contains nothing else. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
