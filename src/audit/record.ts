import { type Principal, principalId, type UserPrincipal } from '../auth/principal.ts'
import { followedBy } from '../db/batch.ts'
import { auditLogs } from '../db/schema/audit.ts'
import type { ManagementDeps } from '../deps.ts'
import { changesState } from '../events/event-types.ts'
import { published } from '../events/publish.ts'
import { statePublished } from '../events/state.ts'
import { uuidv7 } from '../lib/uuid.ts'
import type { AuditAction } from './actions.ts'
import { listEvents } from './events.ts'

/** An audited action. The request's id, address and user agent are added. */
export interface Entry {
  readonly action: AuditAction
  /** The actor: a principal, a user's id if nobody is signed in yet, or undefined if unknown. */
  readonly actor: Principal | string | undefined
  /** The organization whose admins may read the row. */
  readonly organizationId?: string | null | undefined
  readonly target?: {
    readonly type:
      | 'user'
      | 'session'
      | 'identity'
      | 'passkey'
      | 'key'
      | 'organization'
      | 'invitation'
      | 'role'
      | 'grant'
      | 'domain'
      | 'sso_connection'
      | 'webhook_endpoint'
      | 'plan'
      | 'subscription'
      | 'billing_event'
      | 'mail'
      | 'portal_session'
      | 'gateway_route'
      | 'meter'
      | 'credit_grant'
      | 'reservation'
      | 'model_price'
      | 'usage_event'
    readonly id: string
  }
  readonly result?: 'success' | 'failure'
  /** Must not contain a secret, a token or a password. */
  readonly detail?: Readonly<Record<string, unknown>>
}

/** A row to insert. */
export type AuditRow = ReturnType<typeof audited>

/**
 * Inserts an audit row: await it, or put it in the batch of the action itself, so that neither exists without the
 * other. The batch also writes the action's webhook events (`events.ts`), at its end.
 */
export function audited(deps: ManagementDeps, entry: Entry) {
  const { action, actor, organizationId, target, result = 'success', detail = {} } = entry
  const { requestId, ip, userAgent, addressBy } = deps.origin
  const now = deps.now()
  const row = deps.db.insert(auditLogs).values({
    id: uuidv7(now),
    organizationId: organizationId ?? null,
    ...toActor(actor, action, organizationId),
    action,
    ...toTarget(target),
    result,
    ip: ip ?? null,
    userAgent: userAgent ?? null,
    requestId,
    detail: { ...detail, ...describeOther(actor), ...(addressBy && { address_named_by: addressBy }) },
    createdAt: new Date(now),
  })
  return followedBy(row, buildEvents(deps, entry))
}

function buildEvents(deps: ManagementDeps, { action, actor, organizationId, target, result, detail = {} }: Entry) {
  if (!organizationId || result === 'failure') return []
  const actorId = typeof actor === 'object' && actor.kind === 'user' ? actor.userId : null
  const act = { organizationId, id: target?.id ?? organizationId, actorId, detail }
  const events = listEvents(action, act)
  const isOther = events.some(({ type }) => changesState(type))
  const states = isOther ? statePublished(deps, organizationId) : []
  return [...events.map((happening) => published(deps, happening)), ...states]
}

function toTarget(target: Entry['target']) {
  return target ? { targetType: target.type, targetId: target.id } : { targetType: null, targetId: null }
}

function toActor(actor: Entry['actor'], action: AuditAction, organizationId: Entry['organizationId']) {
  if (actor === undefined) return { actorType: 'system', actorId: null } as const
  if (typeof actor === 'string') return { actorType: 'user', actorId: actor } as const
  if (actor.kind === 'portal') return { actorType: 'portal', actorId: actor.serviceKeyId } as const
  if (actor.kind !== 'user') return { actorType: actor.kind, actorId: principalId(actor) } as const
  const isOperator = isOfAdministration(action) || isForeign(actor, organizationId)
  return { actorType: isOperator ? 'administrator' : 'user', actorId: actor.userId } as const
}

const isOfAdministration = (action: AuditAction) =>
  action.startsWith('admin.') || action === 'organization.limits_changed'

/** Whether an administrator acts in an organization that they do not belong to: the row then says `administrator`. */
const isForeign = ({ isAdministrator, memberships }: UserPrincipal, organizationId: Entry['organizationId']) =>
  isAdministrator && !!organizationId && memberships.every((one) => one.organization_id !== organizationId)

const describeBehalf = (onBehalfOf: string | null) => (onBehalfOf === null ? {} : { on_behalf_of: onBehalfOf })

/** Describes who is behind the actor: the administrator of a support session, the person on whose behalf a back end
 * says that it acts, or a user of another issuer, who has no row here. */
function describeOther(actor: Entry['actor']) {
  if (typeof actor !== 'object') return {}
  if (actor.kind === 'external') return { issuer: actor.issuer, subject: actor.subject }
  if (actor.kind === 'portal') return { portal_session: actor.sessionId, ...describeBehalf(actor.onBehalfOf) }
  if (actor.kind === 'service') return describeBehalf(actor.onBehalfOf)
  return actor.kind === 'user' && actor.impersonatorId !== null ? { impersonator_id: actor.impersonatorId } : {}
}
