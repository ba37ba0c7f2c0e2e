import { env } from 'cloudflare:workers'
import { forgetStates } from '../../src/billing/fetch-provider-state.ts'
import { type Answer, call, newUser } from './http.ts'

type Provider = 'polar' | 'stripe'

/** The local provider's state (`GET /{provider}/state`). */
export interface ShopState {
  readonly customers: readonly any[]
  readonly checkouts: readonly any[]
  readonly subscriptions: readonly any[]
  readonly orders: readonly any[]
  readonly payments: readonly any[]
  readonly usage: readonly any[]
  readonly events: readonly { id: string; type: string; headers: Record<string, string>; body: string }[]
}

export async function shopState(provider: Provider, organizationId = ''): Promise<ShopState> {
  return (await fetch(`${env.STACK_URL}/${provider}/state?organization=${organizationId}`)).json()
}

/** Acts on the local provider like its customers, its staff and bad luck. */
export async function act(provider: Provider, what: Record<string, unknown>): Promise<number> {
  const response = await fetch(`${env.STACK_URL}/${provider}/act`, { method: 'POST', body: JSON.stringify(what) })
  await response.body?.cancel()
  return response.status
}

const delivered = new Set<string>()

/** Delivers the local provider's pending webhooks of an organization, in order. */
async function deliver(provider: Provider, organizationId: string): Promise<Answer[]> {
  const { events } = await shopState(provider, organizationId)
  const answers: Answer[] = []
  for (const { id, headers, body } of events.filter((one) => !delivered.has(one.id))) {
    delivered.add(id)
    answers.push(await call(`POST /api/v1/webhooks/${provider}`, { headers, body }))
  }
  return answers
}

/** Clicks on "Pay". @returns where the customer is led back to */
export async function pay(url: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', redirect: 'manual' })
  await response.body?.cancel()
  return response.headers.get('location') ?? ''
}

/** An organization and its owner, who can buy. */
export async function newCustomer(provider: Provider = 'polar') {
  const owner = await newUser()
  const organizationId = owner.user.organization_id as string
  const post = (what: string, body: object = {}, headers: Record<string, string> = {}) =>
    call(`POST /api/v1/billing/${what}`, { token: owner.token, body, headers })
  const readInfo = async () => (await call('GET /api/v1/auth/billing/info', { token: owner.token })).body
  /** The billing page, with uncached data of the provider. */
  const info = () => {
    forgetStates()
    return readInfo()
  }

  /** The whole way to an active plan. */
  async function buy(plan: string): Promise<void> {
    const { status, body } = await post('checkout', { plan, provider })
    if (status !== 201) throw new Error(JSON.stringify(body))
    await pay(body.url)
    await deliver(provider, organizationId)
  }

  /** Its subscription at the provider. */
  async function subscription(): Promise<any> {
    const { subscriptions } = await shopState(provider)
    const mine = (one: any) => (one.customer.externalId ?? one.metadata.org_id) === organizationId
    return subscriptions.findLast(mine)
  }

  return {
    ...owner,
    organizationId,
    post,
    info,
    readInfo,
    buy,
    subscription,
    arrive: () => deliver(provider, organizationId),
  }
}
