import { type SQL, sql } from 'drizzle-orm'
import type { WebhookEventType } from './event-types.ts'
import { isoText } from './payload.ts'

/** The subject of an event. */
export interface Happening {
  readonly type: WebhookEventType
  /**
   * A query with one row for each event: `organization_id`, and `data`, an object with everything that receivers get in
   * addition to the organization. Never a secret.
   */
  readonly subjects: SQL
  /** Whether the query also has `once`, a text: an endpoint gets only the first event with the same text. */
  readonly isOnce?: boolean
  /** The request that caused it; absent for a job. */
  readonly requestId?: string
}

/** One of an organization's rows. */
interface Row {
  readonly organizationId: string
  readonly id: string
}

type Extra = Readonly<Record<string, unknown>>

const asJson = (extra: Extra) => sql`${JSON.stringify(extra)}::jsonb`

/** A row `k` of `api_keys`, without its hash. */
const KEY = (k: SQL) => sql`jsonb_build_object('id', ${k}.id, 'name', ${k}.name, 'key_hint', ${k}.key_hint,
  'environment', ${k}.environment, 'scopes', to_jsonb(${k}.scopes), 'is_active', ${k}.is_active, 'metadata', ${k}.metadata,
  'expires_at', ${isoText(sql`${k}.expires_at`)}, 'revoked_at', ${isoText(sql`${k}.revoked_at`)},
  'leaked_at', ${isoText(sql`${k}.leaked_at`)}, 'created_at', ${isoText(sql`${k}.created_at`)},
  'created_by', ${k}.created_by, 'rotated_from', ${k}.rotated_from, 'replaced_by', ${k}.replaced_by)`

const INVITATION = sql`jsonb_build_object('id', i.id, 'email', i.email, 'role', i.role, 'invited_by', i.invited_by,
  'created_at', ${isoText(sql`i.created_at`)}, 'expires_at', ${isoText(sql`i.expires_at`)})`

/** Booked add-ons, which are stored as quantities by id, as a list. */
const ADDONS = (booked: SQL) => sql`(
  select coalesce(jsonb_agg(jsonb_build_object('id', key, 'quantity', value) order by key), '[]') from jsonb_each(${booked}))`

/** A row `s` of `subscriptions`. */
export const SUBSCRIPTION = sql`jsonb_build_object('id', s.id, 'provider', s.provider,
  'provider_subscription_id', s.provider_subscription_id, 'plan', split_part(s.plan_id, '@', 1), 'interval', s.interval, 'currency', s.currency, 'seats', s.seats,
  'addons', ${ADDONS(sql`s.addons`)}, 'pending_plan', split_part(s.pending_plan_id, '@', 1),
  'pending', s.pending - 'plan' || jsonb_build_object('addons', ${ADDONS(sql`s.pending -> 'addons'`)}),
  'status', s.status, 'is_current', s.is_current, 'cancel_at_period_end', s.cancel_at_period_end,
  'current_period_start', ${isoText(sql`s.current_period_start`)},
  'current_period_end', ${isoText(sql`s.current_period_end`)}, 'trial_end', ${isoText(sql`s.trial_end`)},
  'ended_at', ${isoText(sql`s.ended_at`)})`

/** A change of an organization itself. */
export const organizationEvent = (type: WebhookEventType, organizationId: string, extra: Extra = {}): Happening => ({
  type,
  subjects: sql`select ${organizationId}::uuid as organization_id, ${asJson(extra)} as data`,
})

/** A change of several at once. @param organizations a query of rows with `id` */
export const organizationsEvent = (type: WebhookEventType, organizations: SQL, extra: Extra = {}): Happening => ({
  type,
  subjects: sql`select found.id as organization_id, ${asJson(extra)} as data from (${organizations}) found`,
})

export const keyEvent = (type: WebhookEventType, { organizationId, id }: Row, extra: Extra = {}): Happening => ({
  type,
  subjects: sql`
    select k.organization_id, jsonb_build_object('key', ${KEY(sql`k`)}) || ${asJson(extra)} as data
    from api_keys k where k.id = ${id}::uuid and k.organization_id = ${organizationId}::uuid`,
})

/** Several keys were revoked. @param those a condition on rows `k` of `api_keys` */
export const keysRevoked = (those: SQL): Happening => ({
  type: 'key.revoked',
  subjects: sql`select k.organization_id, jsonb_build_object('key', ${KEY(sql`k`)}) as data from api_keys k where ${those}`,
})

export const keyRotated = ({ organizationId, id }: Row): Happening => ({
  type: 'key.rotated',
  subjects: sql`
    select k.organization_id, jsonb_build_object('key', ${KEY(sql`k`)}, 'successor', ${KEY(sql`n`)}) as data
    from api_keys k join api_keys n on n.id = k.replaced_by and n.organization_id = k.organization_id
    where k.id = ${id}::uuid and k.organization_id = ${organizationId}::uuid`,
})

/** @param role the member's role, or the last one of a former member */
export const memberEvent = (
  type: WebhookEventType,
  { organizationId, id: userId }: Row,
  { role, ...extra }: Extra & { readonly role: unknown },
): Happening => ({
  type,
  subjects: sql`
    select ${organizationId}::uuid as organization_id, jsonb_build_object('member', jsonb_build_object('user_id', u.id,
      'email', u.email, 'name', u.name, 'role', ${role}::text)) || ${asJson(extra)} as data
    from users u where u.id = ${userId}::uuid`,
})

/** Members are removed. Runs before the memberships are deleted. @param those a condition on rows `m` of `memberships` */
export const membersRemoved = (those: SQL): Happening => ({
  type: 'member.removed',
  subjects: sql`
    select m.organization_id, jsonb_build_object('member', jsonb_build_object('user_id', u.id, 'email', u.email,
      'name', u.name, 'role', m.role)) as data
    from memberships m join users u on u.id = m.user_id where ${those}`,
})

export const invitationEvent = (type: WebhookEventType, { organizationId, id }: Row, extra: Extra = {}): Happening => ({
  type,
  subjects: sql`
    select i.organization_id, jsonb_build_object('invitation', ${INVITATION}) || ${asJson(extra)} as data
    from invitations i where i.id = ${id}::uuid and i.organization_id = ${organizationId}::uuid`,
})

export const subscriptionEvent = (
  type: WebhookEventType,
  { organizationId, id }: Row,
  extra: Extra = {},
): Happening => ({
  type,
  subjects: sql`
    select s.organization_id, jsonb_build_object('subscription', ${SUBSCRIPTION}) || ${asJson(extra)} as data
    from subscriptions s where s.id = ${id}::uuid and s.organization_id = ${organizationId}::uuid`,
})

/** Rows by id. Rows whose expiry was moved beyond `until` (ISO 8601) meanwhile are left out. */
export interface Expired {
  readonly ids: readonly string[]
  readonly until: string
}

const isAmong = (row: SQL, { ids, until }: Expired, days = 0) => sql`
  ${row}.id = any(array(select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb)::uuid))
  and ${row}.expires_at <= ${until}::timestamptz + make_interval(hours => ${24 * days}::int)`

/** Keys that expire after `until`, at most `days` days after it. With 0 days, keys that have expired. */
export const keysExpired = (expired: Expired, days: number): Happening => ({
  type: days > 0 ? 'key.expiring' : 'key.expired',
  isOnce: true,
  subjects: sql`
    select k.organization_id, jsonb_build_object('key', ${KEY(sql`k`)}) || ${asJson(days > 0 ? { days } : {})} as data,
      concat_ws('_', 'expiry', k.id, ${days}::text, extract(epoch from k.expires_at)::bigint) as once
    from api_keys k
    where ${isAmong(sql`k`, expired, days)} and (${days}::int = 0 or k.expires_at > ${expired.until}::timestamptz) and (k.revoked_at is null or k.revoked_at > k.expires_at)
      and k.client_id is null and k.created_at <= k.expires_at - make_interval(days => ${days}::int)`,
})

/** Selects the ids of the organizations of these keys. */
export const organizationsOfExpired = (expired: Expired) => sql`
  select distinct k.organization_id as id from api_keys k
  where ${isAmong(sql`k`, expired)} and k.revoked_at is null and k.client_id is null`

export const invitationsExpired = (expired: Expired): Happening => ({
  type: 'invitation.expired',
  isOnce: true,
  subjects: sql`
    select i.organization_id, jsonb_build_object('invitation', ${INVITATION}) as data,
      concat_ws('_', 'expiry', i.id, extract(epoch from i.expires_at)::bigint) as once
    from invitations i where ${isAmong(sql`i`, expired)} and i.accepted_at is null and i.revoked_at is null`,
})

/** A key whose verifications were refused. */
export interface RefusedKey {
  readonly key_id: string
  readonly organization_id: string
  readonly requests: number
}

/** Keys that were refused in a minute. @param minute minutes since 1970 */
export const keysRefused = (keys: readonly RefusedKey[], minute: number): Happening => ({
  type: 'rate_limit.refused',
  isOnce: true,
  subjects: sql`
    select k.organization_id, jsonb_build_object('key', ${KEY(sql`k`)}, 'requests', refused.requests) as data,
      concat_ws('_', 'refused', k.id, ${minute}::bigint) as once
    from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as refused(key_id uuid, organization_id uuid, requests int)
    join api_keys k on k.id = refused.key_id and k.organization_id = refused.organization_id`,
})
