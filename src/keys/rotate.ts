import type * as z from 'zod'
import { keepAnswer } from '../api/idempotency.ts'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersions } from '../limits/versions.ts'
import { Problem } from '../problems.ts'
import { describeKey, isPrefix, newKey } from '../verification/key-format.ts'
import { toApiKey } from './api-key.ts'
import { changeKey } from './change-key.ts'
import { requireRotatable, selectAllowance } from './grants.ts'
import type { KeyRef, KeyView } from './queries.ts'
import type { IssuedKey } from './schemas.ts'
import { mayBeReplaced, replaceKey, type Successor } from './write-queries.ts'

/**
 * Replaces a key with a new one that has all of its properties. Both work for the grace period. Then the old one is
 * revoked, to the millisecond and without a job.
 *
 * The caller gets a secret with all permissions of the key, and so must be able to grant them.
 *
 * @throws Problem `key_not_found`, `key_revoked`, `key_expired`, `key_already_rotated`, `key_of_application`, `forbidden`;
 *   `key_limit_reached` when the number of keys in their grace period has reached the organization's number of keys
 */
export async function rotateKey(
  deps: ManagementDeps,
  principal: Principal,
  key: KeyRef,
  graceSeconds: number,
): Promise<z.output<typeof IssuedKey>> {
  const now = deps.now()
  const allowance = await selectAllowance(deps, key.organizationId)
  return changeKey(deps, key, async (row) => {
    requireOwnSecret(row)
    requireActive(row, now)
    requireRotatable(principal, allowance, row)
    const { secret, successor } = createSuccessor(row, deps, now)
    const grace = graceSeconds > 0 ? { maxKeys: allowance.maxKeys, at: new Date(now) } : undefined
    const auditRow = audited(deps, {
      action: 'key.rotated',
      actor: principal,
      organizationId: key.organizationId,
      target: { type: 'key', id: key.id },
      detail: { replaced_by: successor.id, grace_period_seconds: graceSeconds },
    })
    const ending = { successor, endsAt: new Date(now + graceSeconds * 1_000), hasGrace: graceSeconds > 0 }
    const issued = { ...toApiKey(asSuccessor(row, successor)), key: secret }
    const ended = { name: keyVersionKey(key.id), version: row.version + 1 }
    const kept = await keepAnswer(deps, 201, issued, [ended])
    if (
      (await replaceKey(deps.db, key, ending, {
        allowed: mayBeReplaced(key, row.version, grace),
        effects: [auditRow, ...kept],
      })) === undefined
    )
      return undefined
    await publishVersions(deps, [ended])
    return issued
  })
}

/** An application holds the token that renews its key: a new secret for somebody else would not end that. @throws Problem `key_of_application` */
export function requireOwnSecret({ clientId }: KeyView): void {
  if (clientId !== null) throw new Problem('key_of_application')
}

function requireActive({ replacedBy, expiresAt }: KeyView, now: number): void {
  if (replacedBy) throw new Problem('key_already_rotated')
  if (expiresAt && expiresAt.getTime() <= now) throw new Problem('key_expired')
}

function createSuccessor({ keyPrefix, environment }: KeyView, { config }: ManagementDeps, now: number) {
  // an imported key's prefix may be invalid here
  const secret = newKey(isPrefix(keyPrefix) ? keyPrefix : config.KEY_PREFIX, environment)
  const prefix = secret.slice(0, secret.indexOf('_'))
  const successor = {
    id: uuidv7(now),
    createdAt: new Date(now),
    keyHash: sha256Hex(secret),
    keyPrefix: prefix,
    keyHint: describeKey(secret),
  }
  return { secret, successor }
}

/** The successor's row as a read after the insert would return it. */
function asSuccessor(row: KeyView, { id, createdAt, keyPrefix, keyHint }: Successor): KeyView {
  return {
    ...row,
    id,
    keyPrefix,
    keyHint,
    createdAt,
    updatedAt: createdAt,
    isActive: row.isActive || row.leakedAt !== null,
    revokedAt: null,
    leakedAt: null,
    replacedBy: null,
    rotatedFrom: row.id,
    lineageId: row.lineageId ?? row.id,
    hasChecksum: true,
    version: 1,
    totalRequests: null,
    lastUsedAt: null,
  }
}
