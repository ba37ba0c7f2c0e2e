/** Every event that endpoints can be told of. The one list: validation and documentation read it. */
export const WEBHOOK_EVENTS = {
  'quota.threshold_reached':
    'Usage of a meter passed a percentage of its limit, for the first time in this period; `data` holds both.',
  'quota.exhausted': 'Usage of a meter passed its limit, for the first time in this period.',
} as const

/** What the owner of an endpoint sends by hand; it reaches every endpoint, whatever it asked for. */
export const TEST_EVENT = 'webhook.test'

export type WebhookEventType = keyof typeof WEBHOOK_EVENTS
export const WEBHOOK_EVENT_TYPES = Object.keys(WEBHOOK_EVENTS) as [WebhookEventType, ...WebhookEventType[]]
