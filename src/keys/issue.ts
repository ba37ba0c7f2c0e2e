import type * as z from 'zod'
import { keepAnswer } from '../api/idempotency.ts'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { Problem } from '../problems.ts'
import { describeKey, newKey } from '../verification/key-format.ts'
import { asIssued, toApiKey } from './api-key.ts'
import { isOperator, requireGrantable, selectAllowance, withBounds } from './grants.ts'
import { resolveLimits } from './resolve-limits.ts'
import type { IssuedKey, NewKey } from './schemas.ts'
import { insertKey } from './write-queries.ts'

/**
 * Issues a key. Only this answer ever contains the key itself.
 *
 * @throws Problem `key_limit_reached`, and what `requireGrantable` throws
 */
export async function issueKey(
  deps: ManagementDeps,
  principal: Principal,
  organizationId: string,
  input: z.output<typeof NewKey>,
): Promise<z.output<typeof IssuedKey>> {
  const now = deps.now()
  const at = new Date(now)
  const request = withBounds(principal, { ...input, limits: await resolveLimits(deps, input.limits) })
  const allowance = await selectAllowance(deps, organizationId)
  requireGrantable(request, { principal, allowance, now })

  const key = newKey(request.prefix ?? deps.config.KEY_PREFIX, request.environment)
  const row = {
    id: uuidv7(now),
    organizationId,
    createdBy: principal.kind === 'user' ? principal.userId : null,
    createdAt: at,
    ...toRow(key, request, principal),
  }
  const issued = { ...toApiKey(asIssued(row)), key }
  const auditRow = audited(deps, {
    action: 'key.issued',
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

function toRow(key: string, request: z.output<typeof NewKey>, principal: Principal) {
  return {
    name: request.name,
    description: request.description ?? null,
    keyHash: sha256Hex(key),
    keyPrefix: key.slice(0, key.indexOf('_')),
    keyHint: describeKey(key),
    environment: request.environment,
    scopes: request.scopes,
    expiresAt: request.expires_at ?? null,
    customRateLimit: request.custom_rate_limit ?? null,
    isRateLimitGranted: isOperator(principal),
    limits: request.limits,
    maxConcurrent: request.max_concurrent ?? null,
    allowedIps: request.allowed_ips ?? null,
    metadata: request.metadata,
  }
}
