import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import type { ManagementDeps } from '../../deps.ts'
import { sha256 } from '../../lib/bytes.ts'
import { Problem } from '../../problems.ts'
import { mayExist } from '../../verification/key-format.ts'
import { type AdminKeyView, findKeyByHash } from './queries.ts'

/**
 * Finds the owner of a key. The key is only hashed; the audit row names the found key, never the searched text.
 *
 * @throws Problem `invalid_request` for a text that cannot be a key of this deployment, `key_not_found`
 */
export async function lookUpKey(deps: ManagementDeps, actor: Principal, key: string): Promise<AdminKeyView> {
  if (!mayExist(key, deps.config.IMPORTED_KEYS)) throw malformed()
  const found = await findKeyByHash(deps.db, sha256(key), new Date(deps.now()))
  await audited(deps, {
    action: 'admin.key_looked_up',
    actor,
    organizationId: found?.organizationId,
    ...(found ? { target: { type: 'key', id: found.id } } : { result: 'failure' }),
  })
  if (!found)
    throw new Problem('key_not_found', { detail: 'It has the form of a key, but no such key was issued here.' })
  return found
}

function malformed(): Problem {
  const message =
    'does not have the form of a key, or its checksum is wrong: it is cut off, mistyped or from another system'
  return new Problem('invalid_request', { errors: [{ path: 'body.key', message }] })
}
