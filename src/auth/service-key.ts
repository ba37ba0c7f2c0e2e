import type { Context } from 'hono'
import type { Deps } from '../deps.ts'
import { clientIp } from '../http/edge.ts'
import { missingScope, Problem } from '../problems.ts'
import { noteLastUse } from '../verification/last-use.ts'
import { holdsScope } from '../verification/rules.ts'
import { verifyWithRecord } from '../verification/verify.ts'
import type { ManagementEnv } from './env.ts'

/**
 * Checks a service key that a request presents in addition to, or instead of, the caller's own credential.
 *
 * @param place the header that it is presented in
 * @returns the key's id
 * @throws Problem `unauthenticated` for anything except a valid key of the platform organization, `forbidden` without the scope
 */
export async function requireServiceKey(
  c: Context<ManagementEnv>,
  key: string | undefined,
  { scope, place }: { readonly scope: string; readonly place: string },
): Promise<string> {
  const invalid = () =>
    new Problem('unauthenticated', { detail: `${place} must hold a valid service key with ${scope}.` })
  if (!key) throw invalid()
  const deps: Deps = c.env.deps
  const { verdict, record } = await verifyWithRecord(
    deps,
    { key, cost: 0, scopes: [], ip: clientIp(c) },
    { requestId: c.env.requestId, isUnrecorded: true },
  )
  if (!verdict.valid || !record?.isPlatform) throw invalid()
  if (!holdsScope(record.scopes, scope)) throw missingScope(scope)
  noteLastUse(deps, { keyId: record.keyId, organizationId: record.organizationId })
  return record.keyId
}
