import type { Client } from './client.ts'
import type { DemoCustomer, DemoKey } from './customers.ts'
import type { Caller } from './traffic.ts'

const DAY_MS = 24 * 3_600_000

interface Issued extends Caller {
  readonly fate: DemoKey['fate']
}

export async function issueKeys(owner: Client, { keys }: DemoCustomer): Promise<Issued[]> {
  const issued: Issued[] = []
  for (const { name, environment, scopes, weight, expiresInDays, limits = [], fate } of keys) {
    const expires_at = expiresInDays ? new Date(Date.now() + expiresInDays * DAY_MS).toISOString() : null
    const { id } = await owner.call<{ id: string }>('POST', '/auth/api-keys', {
      name,
      environment,
      scopes,
      expires_at,
      limits,
    })
    issued.push({ keyId: id, environment, weight, fate })
  }
  return issued
}

/** Disables and revokes the keys that must be so by now, after they were used. */
export async function settleKeys(owner: Client, issued: readonly Issued[]): Promise<void> {
  for (const { keyId, fate } of issued) {
    if (fate === 'disabled') await owner.call('PATCH', `/auth/api-keys/${keyId}`, { is_active: false })
    if (fate === 'revoked') await owner.call('DELETE', `/auth/api-keys/${keyId}`)
  }
}
