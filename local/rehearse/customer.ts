import { randomUUID } from 'node:crypto'
import type { World } from './world.ts'

interface Verdict {
  readonly valid: boolean
  readonly code: string
}
interface Quotas {
  readonly meters: Readonly<Record<'api_calls' | 'tokens', { readonly used: number; readonly held: number }>>
}
export interface Key {
  readonly id: string
  readonly key: string
}

export interface Customer {
  readonly id: string
  readonly externalId: string
  readonly key: string
}

/** A customer with a limit of ten calls, and a key. */
export async function newCustomer({ service, admin }: World): Promise<Customer> {
  const externalId = `rehearsal-${randomUUID()}`
  const path = `/admin/organizations/by-external-id/${externalId}`
  const { id } = await service.call<{ id: string }>('PUT', path, { name: 'Rehearsal' })
  await admin.call('PUT', `/admin/organizations/${id}/quotas`, { meters: { api_calls: 10 } })
  const issued = await service.call<Key>('POST', '/auth/api-keys', { external_id: externalId, name: 'Rehearsal' })
  return { id, externalId, key: issued.key }
}

export const verify = ({ service }: World, key: string) => service.call<Verdict>('POST', '/keys/verify', { key })

/** The calls that Redis has counted. */
export const quotasOf = ({ service }: World, id: string) => service.call<Quotas>('GET', `/quotas?organization_id=${id}`)

/** The calls that Postgres has stored. */
export async function written({ service }: World, id: string): Promise<number> {
  const path = `/auth/usage/stats?organization_id=${id}`
  const { totals } = await service.call<{ totals: { requests: number } }>('GET', path)
  return totals.requests
}
