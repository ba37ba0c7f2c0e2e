import type * as z from 'zod'
import type { UserPrincipal } from '../../auth/principal.ts'
import { isServiceKey } from '../../auth/service-scopes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { toApiKey } from '../../keys/api-key.ts'
import { issueKey } from '../../keys/issue.ts'
import { readKey, readKeys } from '../../keys/read.ts'
import { revoke } from '../../keys/revoke.ts'
import { rotateKey } from '../../keys/rotate.ts'
import { NewKey } from '../../keys/schemas.ts'
import { updateApiKey } from '../../keys/update.ts'
import { Problem } from '../../problems.ts'
import { SERVICE_PREFIX } from '../../verification/key-format.ts'
import { findPlatformId } from '../organizations/queries.ts'
import type { NewServiceKey, ServiceKeyChange, ServiceKeyQuery } from './schemas.ts'

/** Checked before: whoever proved their presence is fresh (`withProof`). */
type ProofField = 'password' | 'code' | 'passkey'

/** Issues a service key: an API key of the platform organization with `platform:` scopes. The response is its only copy. */
export async function issueServiceKey(
  deps: ManagementDeps,
  administrator: UserPrincipal,
  asked: Omit<z.output<typeof NewServiceKey>, ProofField>,
) {
  return issueKey(deps, administrator, await getPlatformId(deps), {
    ...NewKey.parse({ name: asked.name }),
    ...asked,
    prefix: SERVICE_PREFIX,
  })
}

export async function listServiceKeys(
  deps: ManagementDeps,
  { limit, status }: Pick<z.output<typeof ServiceKeyQuery>, 'limit' | 'status'>,
  after: string | undefined,
) {
  const filter = { status, isService: true }
  return readKeys(deps, await getPlatformId(deps), { filter, limit, after })
}

/** @throws Problem `key_not_found`, also for customers' keys */
export async function getServiceKey(deps: ManagementDeps, id: string) {
  const row = await readKey(deps, { organizationId: await getPlatformId(deps), id })
  if (!row || !isServiceKey(row.scopes)) throw new Problem('key_not_found')
  return toApiKey(row)
}

/** @throws Problem `key_not_found`, `key_revoked`, `invalid_request` */
export async function updateServiceKey(
  deps: ManagementDeps,
  administrator: UserPrincipal,
  id: string,
  changes: Omit<z.output<typeof ServiceKeyChange>, ProofField>,
) {
  return updateApiKey(deps, administrator, await refTo(deps, id), changes)
}

/** @throws Problem as `rotateKey` */
export async function rotateServiceKey(
  deps: ManagementDeps,
  administrator: UserPrincipal,
  id: string,
  graceSeconds: number,
) {
  return rotateKey(deps, administrator, await refTo(deps, id), graceSeconds)
}

/** Revokes a service key everywhere within 2 s. @throws Problem `key_not_found` */
export async function revokeServiceKey(deps: ManagementDeps, administrator: UserPrincipal, id: string): Promise<void> {
  await revoke(deps, administrator, await refTo(deps, id))
}

async function refTo(deps: ManagementDeps, id: string) {
  const { organization_id: organizationId } = await getServiceKey(deps, id)
  return { organizationId, id }
}

async function getPlatformId(deps: ManagementDeps): Promise<string> {
  const id = await findPlatformId(deps.db)
  if (!id) throw new Problem('organization_not_found')
  return id
}
