import type { Call, Reply } from '../http.ts'
import type { Parts } from '../memory.ts'
import type { Sender } from './send-webhooks.ts'
import type { Checkout, Shop } from './shop.ts'

/** A provider's secrets, as the Worker knows them too, and where its webhooks go; without that they are only kept. */
export interface PaymentServiceOptions {
  readonly token: string
  readonly webhookSecret: string
  readonly webhookUrl?: string | undefined
}

/** What answers a method and a path below `/v1/`; it gets what the pattern captured. */
export type Handler = readonly [method: string, path: RegExp, answer: (call: Call, id: string) => Reply]

/** One provider: what it knows, and how it speaks. */
export interface PaymentService {
  readonly name: 'polar' | 'stripe'
  readonly shop: Shop
  readonly sender: Sender
  /** What was reported as used, the oldest first. */
  readonly usage: () => readonly object[]
  /** What a restart goes on with. */
  readonly memory: Parts
  readonly isAllowed: (call: Call) => boolean
  readonly refused: () => Reply
  readonly unknown: () => Reply
  readonly handlers: readonly Handler[]
}

/** Answers a call of the provider's API. */
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

/** One page, as Polar gives it. */
export function listPage(items: readonly object[], url: URL) {
  const limit = Math.min(100, Number(url.searchParams.get('limit')) || 10)
  const page = Math.max(1, Number(url.searchParams.get('page')) || 1)
  const pagination = { total_count: items.length, max_page: Math.ceil(items.length / limit) }
  return { items: items.slice((page - 1) * limit, page * limit), pagination }
}

/** What a checkout's customer comes back to. */
export function returnAddress({ successUrl, id }: Checkout): string {
  return successUrl
    .replaceAll(/\{CHECKOUT_ID\}|%7BCHECKOUT_ID%7D/gi, id)
    .replaceAll(/\{CHECKOUT_SESSION_ID\}|%7BCHECKOUT_SESSION_ID%7D/gi, id)
}

/** A value as text: metadata holds nothing else. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
