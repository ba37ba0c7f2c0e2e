/** Every event that endpoints can receive. Validation and documentation read this list. */
export const WEBHOOK_EVENTS = {
  'key.created': 'An API key was issued.',
  'key.imported': 'API keys from another system were imported; `imported` says how many.',
  'key.updated': 'An API key was changed; `changed` names the fields.',
  'key.rotated': 'An API key was replaced by `successor`; it works until `key.revoked_at`.',
  'key.revoked': 'An API key was permanently revoked.',
  'key.expiring': 'An API key expires within `days`: sent 7 days before, and again 1 day before.',
  'key.expired': 'An API key expired.',
  'key.disabled': 'An API key was disabled manually; sent in addition to `key.updated`.',
  'key.leaked': 'A secret scanner found an API key in public, at `places`, and the key was disabled.',
  'organization.created': 'An organization was created.',
  'organization.updated': 'An organization was changed; `changed` names the fields.',
  'organization.suspended': 'An organization was suspended: its keys are refused.',
  'organization.resumed': 'The suspension of an organization ended.',
  'organization.deleted': "An organization was deleted. Only the operator's endpoints receive it.",
  'organization.state':
    'The full state of an organization, whenever any of it has changed; its receiver needs no other event.',
  'member.added': 'Someone became a member of an organization.',
  'member.role_changed': 'The role of a member was changed; it was `previous_role`.',
  'member.removed': 'A member was removed or left; `member.role` is their last role.',
  'invitation.created': 'Someone was invited to an organization.',
  'invitation.accepted': 'Someone accepted an invitation.',
  'invitation.revoked': 'An invitation was revoked.',
  'invitation.expired': 'An invitation expired without being accepted.',
  'plan.changed': 'An organization moved to another plan; `from` and `to` are the ids of the plans.',
  'subscription.created': 'An organization has a new subscription at a payment provider.',
  'subscription.updated': 'A subscription changed; `changed` names the fields.',
  'subscription.ended': 'A subscription ended.',
  'quota.threshold_reached':
    'Usage of a meter passed a percentage of its limit, or an amount, for the first time in this period.',
  'quota.exhausted': 'Usage of a meter reached its limit, for the first time in this period.',
  'credits.granted': 'Credits were added: bought, granted by the operator, or included in the plan.',
  'credits.low': 'The balance of credits is low, for the first time since the latest grant.',
  'credits.exhausted': 'All credits are used up, for the first time since the latest grant.',
  'credits.expired': 'The remaining credits of a grant expired; `amount` says how much.',
  'spend_cap.reached':
    "Charges of this period reached the organization's own spend cap, or left too little of it for a request.",
  'rate_limit.refused':
    'Verifications of a key were refused because of its rate limit; at most once per minute and key.',
} as const

/** A test event that the owner of an endpoint sends manually. Every endpoint receives it, whatever its event types. */
export const TEST_EVENT = 'webhook.test'

/** Its body is built when it is sent. At most one per organization waits for an endpoint. */
export const STATE_EVENT = 'organization.state' satisfies keyof typeof WEBHOOK_EVENTS

/** Events that leave an organization's state unchanged, or delete it. */
const OF_NO_STATE = new Set<string>([
  'key.expiring',
  'organization.deleted',
  'member.role_changed',
  'invitation.created',
  'invitation.accepted',
  'invitation.revoked',
  'invitation.expired',
  'credits.granted',
  'credits.low',
  'credits.exhausted',
  'credits.expired',
  'spend_cap.reached',
  'rate_limit.refused',
])

export const changesState = (type: WebhookEventType) => !OF_NO_STATE.has(type)

export type WebhookEventType = keyof typeof WEBHOOK_EVENTS
export const WEBHOOK_EVENT_TYPES = Object.keys(WEBHOOK_EVENTS) as [WebhookEventType, ...WebhookEventType[]]
