import * as z from 'zod'
import { json, type Reply } from '../http.ts'
import type { Part } from '../memory.ts'
import type { Customer, Shop } from './shop.ts'

const Event = z
  .object({
    name: z.string().min(1).max(128),
    external_customer_id: z.string().optional(),
    customer_id: z.string().optional(),
    timestamp: z.iso
      .datetime({ offset: true })
      .refine((text) => Date.parse(text) <= Date.now() + 1_000, 'Timestamp must be in the past.')
      .optional(),
    external_id: z.string().optional(),
    metadata: z.record(z.string(), z.unknown()).default({}),
  })
  .refine((event) => event.external_customer_id !== undefined || event.customer_id !== undefined, 'Field required')

const IngestBody = z.object({ events: z.array(Event) })

/** An accepted event, and its customer. */
interface PolarUsage {
  readonly customerId: string
  readonly name: string
  readonly externalId: string | null
  readonly units: number
  readonly receivedAt: string
}

/** Polar's ingestion: an external id counts only once, ever, and one bad event rejects its whole batch. */
export function createPolarUsage(shop: Shop) {
  const taken: PolarUsage[] = []
  const seen = new Set<string>()

  function ingest(body: unknown): Reply {
    const parsed = IngestBody.safeParse(body)
    if (!parsed.success) return invalid(parsed.error.issues.map(({ path, message }) => ({ path, message })))
    const { events } = parsed.data
    const customers = events.map((event) => findCustomer(shop, event))
    const strangers = customers.flatMap((customer, at) =>
      customer ? [] : [{ path: ['events', at, 'customer_id'], message: 'Customer does not exist.' }],
    )
    if (strangers.length > 0) return invalid(strangers)
    const inserted = events.filter((event, at) => take(event, customers[at] as Customer)).length
    return json(200, { inserted, duplicates: events.length - inserted })
  }

  function take(event: z.output<typeof Event>, customer: Customer): boolean {
    const { name, external_id: externalId = null, metadata } = event
    if (externalId !== null && seen.has(externalId)) return false
    if (externalId !== null) seen.add(externalId)
    const units = Object.values(metadata).find((value) => typeof value === 'number') ?? 1
    taken.push({ customerId: customer.id, name, externalId, units, receivedAt: new Date().toISOString() })
    return true
  }

  function sumUsage(customer: Customer) {
    const own = taken.filter(({ customerId }) => customerId === customer.id)
    const names = [...new Set(own.map(({ name }) => name))]
    return names.map((name) => ({
      name,
      units: own.filter((one) => one.name === name).reduce((sum, { units }) => sum + units, 0),
    }))
  }

  const memory: Part<{ taken: PolarUsage[]; seen: Set<string> }> = {
    read: () => ({ taken, seen }),
    restore(kept) {
      taken.push(...kept.taken)
      for (const id of kept.seen) seen.add(id)
    },
  }
  return { ingest, sumUsage, list: () => taken, memory }
}

function findCustomer(shop: Shop, event: z.output<typeof Event>): Customer | undefined {
  if (event.customer_id !== undefined) return shop.customers.get(event.customer_id)
  return [...shop.customers.values()].find(({ externalId }) => externalId === event.external_customer_id)
}

/** Pydantic's format for naming a wrong field. */
export function invalid(issues: readonly { path: readonly PropertyKey[]; message: string }[]): Reply {
  const detail = issues.map(({ path, message }) => ({ loc: ['body', ...path], msg: message, type: 'value_error' }))
  return json(422, { error: 'RequestValidationError', detail })
}
