import { creditGranted } from '../events/credit-subjects.ts'
import type { WebhookEventType } from '../events/event-types.ts'
import {
  type Happening,
  invitationEvent,
  keyEvent,
  keyRotated,
  memberEvent,
  organizationEvent,
  subscriptionEvent,
} from '../events/subjects.ts'
import type { AuditAction } from './actions.ts'

/** An action on an organization, as recorded in its audit row. */
export interface AuditedAction {
  readonly organizationId: string
  /** The id of the target. */
  readonly id: string
  readonly actorId: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

type Telling = (act: AuditedAction) => readonly Happening[]

const organization =
  (type: WebhookEventType, describe: (act: AuditedAction) => Readonly<Record<string, unknown>> = () => ({})): Telling =>
  (act) => [organizationEvent(type, act.organizationId, describe(act))]

const key =
  (type: WebhookEventType, ...fields: readonly string[]): Telling =>
  (act) => [keyEvent(type, act, pick(act, fields))]

const invitation =
  (type: WebhookEventType): Telling =>
  (act) => [invitationEvent(type, act)]

function pick({ detail }: AuditedAction, fields: readonly string[]) {
  return Object.fromEntries(fields.map((field) => [field, detail[field] ?? null]))
}

const planChanged = organization('plan.changed', (act) => pick(act, ['from', 'to']))
const memberAdded: Telling = (act) => [memberEvent('member.added', act, { role: act.detail.role })]
const memberRemoved: Telling = (act) => [memberEvent('member.removed', act, { role: act.detail.from })]
const reason = (act: AuditedAction) => pick(act, ['reason'])

/** The webhook events of each action. The batch that writes the audit row also writes them, at its end. */
const EVENTS_OF: Readonly<Partial<Record<AuditAction, Telling>>> = {
  'account.registered': organization('organization.created'),
  'organization.created': organization('organization.created'),
  'organization.updated': organization('organization.updated', ({ detail }) => ({
    changed: detail.changed ?? listNames(detail.to),
  })),
  'organization.limits_changed': organization('organization.updated', () => ({ changed: ['limits'] })),
  'organization.alert_thresholds_changed': organization('organization.updated', () => ({
    changed: ['alert_thresholds'],
  })),
  'admin.organization_suspended': organization('organization.suspended', reason),
  'admin.organization_resumed': organization('organization.resumed', reason),
  'admin.credits_granted': ({ organizationId, id }) => [creditGranted(organizationId, id)],
  'billing.credits_purchased': ({ organizationId, id }) => [creditGranted(organizationId, id)],
  'admin.plan_changed': planChanged,
  'billing.plan_changed': planChanged,
  'billing.subscription_changed': (act) => [subscriptionChanged(act)],
  'key.issued': key('key.created'),
  'key.imported': organization('key.imported', ({ detail }) => ({ imported: detail.keys })),
  'key.updated': (act) => [
    keyEvent('key.updated', act, pick(act, ['changed'])),
    ...(isSwitchedOff(act) ? [keyEvent('key.disabled', act)] : []),
  ],
  'key.rotated': (act) => [keyRotated(act)],
  'key.revoked': key('key.revoked'),
  'key.leaked': key('key.leaked', 'places'),
  'member.role_changed': (act) => [roleChanged(act, act.id)],
  'organization.transferred': (act) => [
    roleChanged(act, act.id),
    ...(act.actorId === null
      ? []
      : [memberEvent('member.role_changed', { ...act, id: act.actorId }, { role: 'admin', previous_role: 'owner' })]),
  ],
  'member.added': memberAdded,
  'member.joined': memberAdded,
  'admin.user_created': (act) =>
    'role' in act.detail ? memberAdded(act) : [organizationEvent('organization.created', act.organizationId, {})],
  'member.removed': memberRemoved,
  'member.left': memberRemoved,
  'invitation.sent': invitation('invitation.created'),
  'invitation.revoked': invitation('invitation.revoked'),
  'invitation.accepted': (act) => [
    invitationEvent('invitation.accepted', act, pick(act, ['user_id'])),
    memberEvent('member.added', { ...act, id: String(act.detail.user_id) }, { role: act.detail.role }),
  ],
}

/** Lists the webhook events of an action. */
export const listEvents = (action: AuditAction, act: AuditedAction): readonly Happening[] =>
  EVENTS_OF[action]?.(act) ?? []

const listNames = (fields: unknown) => Object.keys(fields ?? {})

const isSwitchedOff = ({ detail }: AuditedAction) =>
  (detail.after as { is_active?: unknown } | undefined)?.is_active === false

function roleChanged({ organizationId, detail }: AuditedAction, id: string): Happening {
  return memberEvent('member.role_changed', { organizationId, id }, { role: detail.to, previous_role: detail.from })
}

function subscriptionChanged(act: AuditedAction): Happening {
  const { from, to, changed } = act.detail as {
    from?: object
    to?: { ended_at?: unknown }
    changed?: readonly string[]
  }
  if (!from) return subscriptionEvent('subscription.created', act)
  const fields = (changed ?? []).map((name) =>
    name.replace(/Id$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  )
  const hasEnded = to?.ended_at && changed?.includes('endedAt')
  return hasEnded
    ? subscriptionEvent('subscription.ended', act)
    : subscriptionEvent('subscription.updated', act, { changed: fields })
}
