import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import { organizationFor } from '../http/access.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import type { Principal } from '../http/principal.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { permissionOf } from '../organizations/roles.ts'
import { Problem } from '../problems.ts'
import { toApiKey } from './api-key.ts'
import { hintOf, newKey } from './format.ts'
import { findKeyById, insertKey, isLiveKey, selectKeyAllowance } from './queries.ts'
import { isReserved } from './rules.ts'
import type { IssuedKey, NewKey } from './schemas.ts'

/**
 * Issues a key. The answer is the only place where the key itself ever appears.
 *
 * Nobody grants what they do not have: scopes over Tollgate need the permission they stand for, `platform:` scopes an
 * administrator and the platform organization; a rate limit above the organization's own needs an administrator.
 *
 * @throws Problem `key_limit_reached`, `forbidden`, `rate_limit_above_plan`, `invalid_request`
 */
export async function issueKey(
  deps: ManagementDeps,
  principal: Principal,
  organizationId: string,
  request: z.output<typeof NewKey>,
): Promise<z.output<typeof IssuedKey>> {
  const now = deps.now()
  if (request.expires_at && Date.parse(request.expires_at) <= now) {
    throw new Problem('invalid_request', { errors: [{ path: 'body.expires_at', message: 'must lie in the future' }] })
  }
  const allowance = await selectKeyAllowance(deps.db, organizationId)
  if (!allowance) throw new Problem('organization_not_found')
  refuseUnheldScopes(principal, organizationId, request.scopes, allowance.is_platform)
  refuseHigherLimit(principal, request.custom_rate_limit, allowance.rate_limit)

  const key = newKey(request.prefix ?? deps.config.KEY_PREFIX, request.environment)
  const row = {
    id: uuidv7(now),
    organizationId,
    createdBy: principal.kind === 'user' ? principal.userId : null,
    ...rowOf(key, request, principal),
  }
  const auditRow = audited(deps, {
    act: 'key.issued',
    actor: principal,
    organizationId,
    target: { type: 'key', id: row.id },
    detail: { name: row.name, environment: row.environment, scopes: row.scopes },
    provided: isLiveKey(organizationId, row.id),
  })
  if (!(await insertKey(deps.db, row, allowance.max_api_keys, auditRow))) throw new Problem('key_limit_reached')
  return { ...toApiKey(await findKeyById(deps.db, organizationId, row.id)), key }
}

function rowOf(key: string, request: z.output<typeof NewKey>, principal: Principal) {
  return {
    name: request.name,
    description: request.description ?? null,
    keyHash: sha256Hex(key),
    keyPrefix: key.slice(0, key.indexOf('_')),
    keyHint: hintOf(key),
    environment: request.environment,
    scopes: request.scopes,
    expiresAt: request.expires_at ?? null,
    customRateLimit: request.custom_rate_limit ?? null,
    isRateLimitGranted: isAdministrator(principal),
    allowedIps: request.allowed_ips ?? null,
    metadata: request.metadata,
  }
}

const isAdministrator = (principal: Principal) => principal.kind === 'user' && principal.isAdministrator

function refuseUnheldScopes(
  principal: Principal,
  organizationId: string,
  scopes: readonly string[],
  isPlatform: boolean,
): void {
  for (const scope of scopes.filter(isReserved)) {
    const permission = permissionOf(scope)
    if (permission) organizationFor(principal, permission, organizationId)
    else if (!isPlatform || !isAdministrator(principal))
      throw new Problem('forbidden', { detail: `You cannot grant the scope ${scope}.` })
  }
}

function refuseHigherLimit(principal: Principal, wanted: number | null | undefined, own: number): void {
  if ((wanted ?? 0) > own && !isAdministrator(principal)) throw new Problem('rate_limit_above_plan')
}
