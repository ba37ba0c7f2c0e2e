import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import { LOCAL_PRODUCTS } from '../../local/stack/payments/products.ts'
import { openPolar } from '../../src/billing/providers/polar.ts'
import { openStripe } from '../../src/billing/providers/stripe.ts'
import { reconcileBilling } from '../../src/billing/reconcile/job.ts'
import type { Deps } from '../../src/deps.ts'
import { directly, send } from './direct.ts'
import { newUser } from './http.ts'

type Name = 'polar' | 'stripe'

/** An event as a provider keeps it: to be delivered as often, and in whatever order, a test wants. */
export interface KeptEvent {
  readonly id: string
  readonly type: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

const provider = { polar: () => openPolar(directly().config), stripe: () => openStripe(directly().config) } as const

export const productOf = (name: Name, plan: string): string =>
  LOCAL_PRODUCTS[plan]?.[name === 'polar' ? 'polarProductId' : 'stripePriceId'] ?? plan

/** Acts on a local provider like its customers, its staff and bad luck. */
export async function act(name: Name, what: Record<string, unknown>): Promise<void> {
  const response = await fetch(`${env.STACK_URL}/${name}/act`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(what),
  })
  if (response.status !== 204) throw new Error(`${response.status} ${await response.text()}`)
}

/** A local provider's events of an organization, the oldest first, signed as of now. */
export async function eventsOf(name: Name, organizationId: string): Promise<KeptEvent[]> {
  const response = await fetch(`${env.STACK_URL}/${name}/state?organization=${organizationId}`)
  return ((await response.json()) as { events: KeptEvent[] }).events
}

/** Delivers an event to the Worker under test. */
export async function deliver(name: Name, { body, headers }: Pick<KeptEvent, 'body' | 'headers'>) {
  const response = await send(`POST /api/v1/webhooks/${name}`, { body, headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Signs an event that no local provider would send, as Polar does. */
export async function polarEvent(type: string, data: unknown, id: string = crypto.randomUUID()): Promise<KeptEvent> {
  const seconds = Math.floor(Date.now() / 1000)
  const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data })
  const mac = await hmac('polar_whs_local-secret-of-the-stack', `${id}.${seconds}.${body}`)
  const signature = `v1,${btoa(String.fromCharCode(...mac))}`
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signature }
  return { id, type, body, headers }
}

/** The same as Stripe does. */
export async function stripeEvent(
  type: string,
  object: unknown,
  id = `evt_${crypto.randomUUID()}`,
): Promise<KeptEvent> {
  const seconds = Math.floor(Date.now() / 1000)
  const body = JSON.stringify({ id, object: 'event', type, created: seconds, data: { object } })
  const mac = await hmac('whsec_local-secret-of-the-stack', `${seconds}.${body}`)
  const hex = [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return { id, type, body, headers: { 'Stripe-Signature': `t=${seconds},v1=${hex}` } }
}

async function hmac(secret: string, text: string): Promise<Uint8Array> {
  const encoder = new TextEncoder()
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))
}

/** An organization that has just paid for a plan; the Worker has not been notified yet. */
export async function newPayer(name: Name, plan = 'pro') {
  const owner = await newUser()
  const organizationId = owner.user.organization_id as string
  return { ...owner, organizationId, subscriptionId: await buy(name, organizationId, plan) }
}

/** @returns the provider's id of the subscription */
export async function buy(name: Name, organizationId: string, plan: string): Promise<string> {
  const { id } = await provider[name]().createCheckout({
    organizationId,
    plan: { product: productOf(name, plan) },
    email: 'payer@example.com',
    successUrl: 'https://tollgate.test/',
    cancelUrl: 'https://tollgate.test/',
    idempotencyKey: crypto.randomUUID(),
  })
  await act(name, { act: 'pay', checkout: id })
  const response = await fetch(`${env.STACK_URL}/${name}/state`)
  const { subscriptions } = (await response.json()) as { subscriptions: { id: string; checkoutId: string }[] }
  return subscriptions.find((one) => one.checkoutId === id)?.id ?? ''
}

/** The plan an organization is on. */
export async function planOf(organizationId: string): Promise<string> {
  const [row] = await directly().sql.query('select plan_id from organizations where id = $1', [organizationId])
  return String(row?.plan_id)
}

/** What billing left in the audit log of an organization, the oldest first. */
export async function auditOf(organizationId: string): Promise<{ action: string; detail: Record<string, unknown> }[]> {
  const rows = await directly().sql.query(
    `select action, detail from audit_logs where organization_id = $1 and action like 'billing.%' order by id`,
    [organizationId],
  )
  return rows as { action: string; detail: Record<string, unknown> }[]
}

/** How an event is stored here. */
export async function inboxOf(eventId: string) {
  const [row] = await directly().sql.query(
    'select state, attempts, error, outcome, organization_id, payload from billing_events where event_id = $1',
    [eventId],
  )
  return row
}

/**
 * Runs the job as if there were this organization alone: others are in other tests' hands.
 *
 * @param real what answers the job's requests
 */
export async function reconcileAlone(
  deps: Deps,
  organizationId: string,
  { real = globalThis.fetch, run = reconcileBilling } = {},
) {
  const lists = /\/(polar|stripe)\/v1\/(subscriptions|orders|checkout\/sessions)\/?\?(page|status)=/
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const response = await real(input, init)
    if (!lists.test(urlOf(input))) return response
    const { items, data, ...rest } = (await response.json()) as Record<string, { metadata: { org_id: string } }[]>
    const own = (items ?? data ?? []).filter(({ metadata }) => metadata.org_id === organizationId)
    return Response.json({ ...rest, [items ? 'items' : 'data']: own })
  })
  try {
    return await run(deps)
  } finally {
    spy.mockRestore()
  }
}

/** The URL of a request, for tests that intercept it. */
export const urlOf = (input: RequestInfo | URL): string => String(input instanceof Request ? input.url : input)

/** Its body. */
export const bodyOf = (init: RequestInit | undefined): string => (typeof init?.body === 'string' ? init.body : '')
