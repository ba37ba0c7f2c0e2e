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
}

/**
 * The insert of an audit row: await it, or put it into the batch of the act itself, so that there is not one without the
 * other.
 */
export function audited(
  deps: ManagementDeps,
  { act, actor, organizationId, target, result = 'success', detail = {} }: Entry,
) {
  const { requestId, ip, userAgent } = deps.origin
  return deps.db.insert(auditLogs).values({
    id: uuidv7(deps.now()),
    organizationId: organizationId ?? null,
    ...actorOf(actor),
    action: act,
    targetType: target?.type ?? null,
    targetId: target?.id ?? null,
    result,
    ip: ip ?? null,
    userAgent: userAgent ?? null,
    requestId,
    detail,
    createdAt: new Date(deps.now()),
  })
}

function actorOf(actor: Entry['actor']) {
  if (actor === undefined) return { actorType: 'system', actorId: null } as const
  if (typeof actor === 'string') return { actorType: 'user', actorId: actor } as const
  if (actor.kind === 'key') return { actorType: 'key', actorId: actor.keyId } as const
  return { actorType: 'user', actorId: actor.userId } as const
}
