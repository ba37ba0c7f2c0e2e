import type { SQL } from 'drizzle-orm'
import { audited } from '../audit/record.ts'
import { requireThat, type Statement, tryBatch } from '../db/batch.ts'
import { lockOrganization } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { randomBytes, sha256 } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { describeKey } from '../verification/key-format.ts'
import { toAnswer } from './answer.ts'
import { type ClientRow, keepClient } from './clients/queries.ts'
import { insertGrant, mayStillGrant } from './queries.ts'
import { ACCESS_MS, computeEnd, deriveTokens } from './tokens.ts'

/** What the user consented to. */
interface Agreed {
  readonly organizationId: string
  readonly userId: string
  readonly scopes: readonly string[]
  readonly resource: string | null
}

/** The code or device request that represents the consent and is consumed by it. */
interface Use {
  /** Evaluated under the organization's lock. */
  readonly isUnused: SQL
  readonly mark: (grantId: string) => Statement
}

interface Granting {
  readonly client: ClientRow
  readonly agreed: Agreed
  readonly use: Use
}

/**
 * Issues the first tokens of an application's grant.
 *
 * @returns undefined if the consent was consumed by a concurrent request, or the user has lost the right to give it
 */
export async function createGrant(deps: ManagementDeps, { client, agreed, use }: Granting) {
  const { db, config } = deps
  const { organizationId, userId, scopes, resource } = agreed
  const now = new Date(deps.now())
  const grant = {
    id: uuidv7(now.getTime()),
    organizationId,
    userId,
    clientId: client.id,
    resource,
    salt: randomBytes(16),
    generation: 0,
    predecessor: null,
    createdAt: now,
    refreshedAt: now,
    expiresAt: client.refreshes ? computeEnd(now.getTime(), now.getTime()) : new Date(now.getTime() + ACCESS_MS),
  }
  const tokens = deriveTokens(config.SECRET_KEY, grant, 0)
  const done = await tryBatch(db, {
    lock: lockOrganization(db, organizationId),
    unused: requireThat(db, use.isUnused),
    allowed: requireThat(db, mayStillGrant(organizationId, userId, scopes)),
    audit: audited(deps, {
      action: 'grant.created',
      actor: userId,
      organizationId,
      target: { type: 'grant', id: grant.id },
      detail: { client_id: client.id, client_name: client.name, scopes, resource },
    }),
    grant: insertGrant(db, {
      grant,
      name: client.name,
      scopes,
      keyHash: sha256(tokens.access),
      keyHint: describeKey(tokens.access),
      expiresAt: new Date(now.getTime() + ACCESS_MS),
    }),
    used: use.mark(grant.id),
    client: keepClient(db, client.id),
  })
  return done ? toAnswer(client, tokens, { scopes, seconds: ACCESS_MS / 1_000 }) : undefined
}
