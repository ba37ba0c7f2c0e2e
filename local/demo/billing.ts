import { setTimeout as wait } from 'node:timers/promises'
import { eq } from 'drizzle-orm'
import { subscriptions } from '../../src/db/schema/billing.ts'
import type { Client } from './client.ts'
import type { DemoCustomer } from './customers.ts'
import type { Filling } from './fill.ts'

/** 30 seconds in total: the provider retries while the Worker is not up. */
const TRIES = 300
const TRY_MS = 100

/** Buys a plan at the local payment provider, as a customer does in a browser. */
export async function payFor(
  filling: Filling,
  owner: Client,
  bought: NonNullable<DemoCustomer['bought']>,
): Promise<void> {
  const { url } = await owner.call<{ url: string }>('POST', '/billing/checkout', bought)
  await fetch(url, { method: 'POST', redirect: 'manual' })
  const subscription = await untilKnown(filling)
  if (filling.customer.isPastDue) await failPayment(filling, bought.provider, subscription)
}

/** The provider notifies the Worker a moment later. */
async function untilKnown({ db, organizationId }: Filling): Promise<string> {
  for (let tries = 0; tries < TRIES; tries++) {
    const [row] = await db.select().from(subscriptions).where(eq(subscriptions.organizationId, organizationId))
    if (row) return row.providerSubscriptionId
    await wait(TRY_MS)
  }
  throw new Error('The local payment provider did not tell of what was bought.')
}

async function failPayment({ demo }: Filling, provider: string, subscription: string): Promise<void> {
  const response = await fetch(`${demo.localUrl}/${provider}/act`, {
    method: 'POST',
    body: JSON.stringify({ act: 'fail_payment', subscription }),
  })
  if (!response.ok) throw new Error(`The local payment provider answered ${response.status}: ${await response.text()}`)
}
