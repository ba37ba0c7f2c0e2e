import { type SQL, sql } from 'drizzle-orm'
import { sqlState } from '../db/client.ts'
import { auditLogs } from '../db/schema/audit.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import type { Principal } from '../http/principal.ts'
import { uuidv7 } from '../lib/uuid.ts'
import type { Act } from './acts.ts'

/** What was done. Who, from where and in which request is known from the rest. */
export interface Entry {
  readonly act: Act
  /** Who did it: a principal, a user's id where nobody is signed in yet, or nobody known. */
  readonly actor: Principal | string | undefined
  /** The organization whose admins may read of it. */
  readonly organizationId?: string | null | undefined
  readonly target?: { readonly type: 'user' | 'session' | 'key' | 'organization'; readonly id: string }
  readonly result?: 'success' | 'failure'
  /** Never a secret, a token or a password. */
  readonly detail?: Readonly<Record<string, unknown>>
  /** What must hold at this place of the batch: if it does not, nothing of the batch happens (see `wasRefused`). */
  readonly provided?: SQL
}

const NOT_NULL_VIOLATION = '23502'

/**
 * Whether a batch did not happen because of its entry's `provided`. The row then has no result, which the column refuses:
 * over HTTP this is how a batch decides by what its own statements find, under their locks.
 */
export function wasRefused(error: unknown): boolean {
  return sqlState(error) === NOT_NULL_VIOLATION
}

/**
 * The insert of an audit row: await it, or put it into the batch of the act itself, so that there is not one without the
 * other.
 */
export function audited(
  deps: ManagementDeps,
  { act, actor, organizationId, target, result = 'success', detail = {}, provided }: Entry,
) {
  const { requestId, ip, userAgent } = deps.origin
  return deps.db.insert(auditLogs).values({
    id: uuidv7(deps.now()),
    organizationId: organizationId ?? null,
    ...actorOf(actor, act),
    action: act,
    targetType: target?.type ?? null,
    targetId: target?.id ?? null,
    result: provided ? sql`case when ${provided} then ${result}::text end` : result,
    ip: ip ?? null,
    userAgent: userAgent ?? null,
    requestId,
    detail: { ...detail, ...supportOf(actor) },
    createdAt: new Date(deps.now()),
  })
}

function actorOf(actor: Entry['actor'], act: Act) {
  if (actor === undefined) return { actorType: 'system', actorId: null } as const
  if (typeof actor === 'string') return { actorType: 'user', actorId: actor } as const
  if (actor.kind === 'key') return { actorType: 'key', actorId: actor.keyId } as const
  return { actorType: isOfAdministration(act) ? 'administrator' : 'user', actorId: actor.userId } as const
}

const isOfAdministration = (act: Act) => act.startsWith('admin.') || act === 'organization.limits_changed'

/** What is done in a support session is done by the administrator behind it. */
function supportOf(actor: Entry['actor']) {
  const isSupport = typeof actor === 'object' && actor.kind === 'user' && actor.impersonatorId !== null
  return isSupport ? { impersonator_id: actor.impersonatorId } : {}
}
