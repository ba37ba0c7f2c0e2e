import type * as z from 'zod'
import { keepAnswer } from '../api/idempotency.ts'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { Problem } from '../problems.ts'
import { hintOf, newKey } from '../verification/key-format.ts'
import { asIssued, toApiKey } from './api-key.ts'
import { allowanceOf, isAdministrator, refuseUngrantable, withBoundsOf } from './grants.ts'
import type { IssuedKey, NewKey } from './schemas.ts'
import { insertKey } from './write-queries.ts'

/**
 * Issues a key. The answer is the only place where the key itself ever appears.
 *
 * @throws Problem `key_limit_reached`, and what `refuseUngrantable` throws
 */
export async function issueKey(
  deps: ManagementDeps,
  principal: Principal,
  organizationId: string,
  asked: z.output<typeof NewKey>,
): Promise<z.output<typeof IssuedKey>> {
  const now = deps.now()
  const at = new Date(now)
  const request = withBoundsOf(principal, asked)
  const allowance = await allowanceOf(deps, organizationId)
  refuseUngrantable(request, { principal, allowance, now })

  const key = newKey(request.prefix ?? deps.config.KEY_PREFIX, request.environment)
  const row = {
    id: uuidv7(now),
    organizationId,
    createdBy: principal.kind === 'user' ? principal.userId : null,
    createdAt: at,
    ...rowOf(key, request, principal),
  }
  const issued = { ...toApiKey(asIssued(row)), key }
  const auditRow = audited(deps, {
    act: 'key.issued',
    actor: principal,
    organizationId,
    target: { type: 'key', id: row.id },
    detail: { name: row.name, environment: row.environment, scopes: row.scopes },
  })
  const kept = await keepAnswer(deps, 201, issued)
  if (!(await insertKey(deps.db, row, { maxKeys: allowance.maxKeys, at }, [auditRow, ...kept])))
    throw new Problem('key_limit_reached')
  return issued
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
    limits: request.limits,
    allowedIps: request.allowed_ips ?? null,
    metadata: request.metadata,
  }
}
