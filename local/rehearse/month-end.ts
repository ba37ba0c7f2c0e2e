import { randomUUID } from 'node:crypto'
import { LOCAL_PRODUCTS } from '../stack/payments/products.ts'
import { expect, type World } from './world.ts'

/** What the plan includes, and the price of a call above it, as `price` shows it to customers: 2 cents per thousand. */
const PLAN = 'builder'
const INCLUDED = 1_000_000
const CENTS_PER_CALL = 0.002

/** The requests per second that each provider allows: Stripe's limit in live mode. */
const PER_SECOND = 100
const MAX_RUNS = 30
/** Customers that are created concurrently. */
const AT_ONCE = 20

type Provider = 'stripe' | 'polar'

interface Payer {
  readonly organizationId: string
  readonly customer: string
  subscription: string
  readonly units: number
}

/** Creates a customer as the provider's own API does. */
async function newCustomerAt(
  { server, variables }: World,
  provider: Provider,
  organizationId: string,
): Promise<string> {
  const [secret, type] =
    provider === 'stripe' ? ['STRIPE_SECRET_KEY', 'x-www-form-urlencoded'] : ['POLAR_ACCESS_TOKEN', 'json']
  const fields = { email: `${organizationId}@example.com`, name: 'Rehearsal' }
  const answer = await fetch(`${server.localUrl}/${provider}/v1/customers`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${variables[secret]}`, 'Content-Type': `application/${type}` },
    body:
      provider === 'stripe'
        ? new URLSearchParams(fields).toString()
        : JSON.stringify({ ...fields, external_id: organizationId }),
  })
  const { id } = (await answer.json()) as { id?: string }
  if (!id) throw new Error(`${provider} made no customer, but answered ${answer.status}.`)
  return id
}

/** Creates customers of a provider, and their subscriptions there. */
async function subscribeAll(world: World, provider: Provider, count: number): Promise<readonly Payer[]> {
  const sold = LOCAL_PRODUCTS[PLAN]
  const product = provider === 'stripe' ? sold?.stripePriceId : sold?.polarProductId
  await world.stack(`/${provider}/act`, { act: 'hold' }) // nobody needs notifications of so many
  const payers: Payer[] = []
  const add = async (at: number) => {
    const organizationId = randomUUID()
    const customer = await newCustomerAt(world, provider, organizationId)
    await world.stack(`/${provider}/act`, { act: 'subscribe', customer, product })
    payers.push({ organizationId, customer, subscription: '', units: 50_000 + 37 * at })
  }
  for (let at = 0; at < count; at += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, place) => add(at + place)))
  await world.stack(`/${provider}/act`, { act: 'clear_events' })
  await world.stack(`/${provider}/act`, { act: 'release' })
  const { subscriptions } = (await world.stack(`/${provider}/state`)) as {
    subscriptions: { id: string; customer: { id: string } }[]
  }
  const byCustomer = new Map(subscriptions.map(({ id, customer }) => [customer.id, id]))
  for (const payer of payers) payer.subscription = byCustomer.get(payer.customer) ?? ''
  return payers
}

/** The same as rows: organizations, what they bought and used, and a paid period that ends in five minutes. */
async function insertAll({ sql }: World, provider: Provider, payers: readonly Payer[]): Promise<void> {
  const rows = JSON.stringify(payers.map((payer) => ({ ...payer, id: randomUUID() })))
  const from = `jsonb_to_recordset($1::jsonb) as r("organizationId" uuid, id uuid, customer text, subscription text, units bigint)`
  await sql.transaction([
    sql.query(
      `insert into organizations (id, name, slug, plan_id) select "organizationId", 'Rehearsal', "organizationId"::text,
        (select id from plans where id = '${PLAN}') from ${from}`,
      [rows],
    ),
    sql.query(
      `insert into subscriptions (id, organization_id, provider, provider_subscription_id, provider_customer_id, plan_id, status,
        current_period_start, current_period_end, is_current)
      select id, "organizationId", $2, subscription, customer, '${PLAN}', 'active', now() - interval '1 month', now() + interval '5 minutes', true
      from ${from}`,
      [rows, provider],
    ),
    sql.query(
      `insert into usage_periods (organization_id, period_start, requests, api_calls)
      select "organizationId", date_trunc('month', now(), 'UTC'), units, ${INCLUDED} + units from ${from}`,
      [rows],
    ),
  ])
}

/** The number of rows that are not sent yet, and of those that wait for a person. */
async function countOpen({ sql }: World, payers: readonly Payer[]) {
  const [row] = await sql.query(
    `select count(*) filter (where state = 'pending')::int as open, count(*) filter (where state not in ('pending', 'sent'))::int as stuck,
      count(*)::int as all from billing_usage_ledger where organization_id = any($1)`,
    [payers.map(({ organizationId }) => organizationId)],
  )
  return { open: Number(row?.open), stuck: Number(row?.stuck), all: Number(row?.all) }
}

/** Both providers limit their rate all the time. In the middle they fail, and lose answers to requests that they executed. */
async function runUntilSent(world: World, payers: readonly Payer[]): Promise<{ runs: number; seconds: number }> {
  const began = Date.now()
  for (let runs = 1; runs <= MAX_RUNS; runs++) {
    if (runs === 1)
      await fail(world, { kind: 'reset_after', every: 20, count: 5 }, { kind: 'status', value: 503, count: 30 })
    await world.runJobs()
    const { open, stuck, all } = await countOpen(world, payers)
    expect(stuck === 0, `no row waits for a person, but ${stuck} do`)
    if (all >= payers.length && open === 0) return { runs, seconds: Math.round((Date.now() - began) / 100) / 10 }
    await world.mend()
    await fail(world)
  }
  throw new Error(`Rows were left after ${MAX_RUNS} runs.`)
}

async function fail(world: World, ...faults: readonly object[]): Promise<void> {
  for (const door of ['stripe', 'polar'])
    for (const fault of [...faults, { kind: 'rate', value: PER_SECOND }])
      await world.stack('/control/faults', { door, ...fault })
}

/** The charges of each customer at a provider. */
async function readCharged(world: World, provider: Provider): Promise<Map<string, number[]>> {
  const { usage } = (await world.stack(`/${provider}/state`)) as { usage: Record<string, unknown>[] }
  const charged = new Map<string, number[]>()
  for (const one of usage) {
    const customer = String(provider === 'stripe' ? one.customer : one.customerId)
    charged.set(customer, [...(charged.get(customer) ?? []), Number(provider === 'stripe' ? one.amount : one.units)])
  }
  return charged
}

export async function endMonth(world: World): Promise<void> {
  const half = Math.ceil(world.rows / 2)
  const stripe = await subscribeAll(world, 'stripe', half)
  const polar = await subscribeAll(world, 'polar', world.rows - half)
  await insertAll(world, 'stripe', stripe)
  await insertAll(world, 'polar', polar)
  const all = [...stripe, ...polar]
  const { runs, seconds } = await runUntilSent(world, all)
  await world.mend()
  console.log(`month-end: ${all.length} rows in ${runs} runs of the job, ${seconds} s`)

  const [atStripe, atPolar] = [await readCharged(world, 'stripe'), await readCharged(world, 'polar')]
  for (const { customer, units } of stripe)
    expect(
      String(atStripe.get(customer)) === String(Math.round(units * CENTS_PER_CALL)),
      `Stripe has one item of ${units} calls, not ${String(atStripe.get(customer))} cents`,
    )
  for (const { customer, units } of polar)
    expect(
      String(atPolar.get(customer)) === String(units),
      `Polar has ${units} calls once, not ${String(atPolar.get(customer))}`,
    )
  const printed = await world.follow('The end of a month')
  expect(printed.length > 0 && !printed.join('').includes('"pending"'), 'the page finds nothing left')
}
