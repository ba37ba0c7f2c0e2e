import { WEBHOOK_EVENTS } from '../../../api/words.ts'

/** The same routes exist twice: for an organization's endpoints and for the operator's. */
export const CUSTOMER_WEBHOOKS = {
  path: '/webhooks',
  title: 'Webhooks',
  intro: 'Tollgate calls your servers when something happens in this organization.',
  permission: 'webhooks:write',
  /** Events that only the operator hears of. */
  omitted: ['organization.deleted'],
  list: 'GET /webhook-endpoints',
  create: 'POST /webhook-endpoints',
  get: 'GET /webhook-endpoints/{id}',
  change: 'PATCH /webhook-endpoints/{id}',
  remove: 'DELETE /webhook-endpoints/{id}',
  rotate: 'POST /webhook-endpoints/{id}/rotate-secret',
  test: 'POST /webhook-endpoints/{id}/test',
  deliveries: 'GET /webhook-endpoints/{id}/deliveries',
  resend: 'POST /webhook-endpoints/{id}/deliveries/{delivery_id}/resend',
} as const

export const OPERATOR_WEBHOOKS = {
  path: '/operator/webhooks',
  title: 'Operator webhooks',
  intro: 'Tollgate calls your servers when something happens in any organization.',
  permission: undefined,
  omitted: [],
  list: 'GET /admin/webhooks',
  create: 'POST /admin/webhooks',
  get: 'GET /admin/webhooks/{id}',
  change: 'PATCH /admin/webhooks/{id}',
  remove: 'DELETE /admin/webhooks/{id}',
  rotate: 'POST /admin/webhooks/{id}/rotate-secret',
  test: 'POST /admin/webhooks/{id}/test',
  deliveries: 'GET /admin/webhooks/{id}/deliveries',
  resend: 'POST /admin/deliveries/{id}/resend',
} as const

export type WebhookApi = typeof CUSTOMER_WEBHOOKS | typeof OPERATOR_WEBHOOKS

/** Events by the thing they are about: `key` with `key.created` and others. */
export function eventGroups(omitted: readonly string[]): [group: string, types: string[]][] {
  const types = Object.keys(WEBHOOK_EVENTS).filter((type) => !omitted.includes(type))
  const groups = new Map<string, string[]>()
  for (const type of types) {
    const group = type.split('.')[0] as string
    groups.set(group, [...(groups.get(group) ?? []), type])
  }
  return [...groups]
}
