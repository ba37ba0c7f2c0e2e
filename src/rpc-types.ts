/**
 * What goes over the service binding, for Workers that call Tollgate. This file imports nothing: copy it into your Worker,
 * and type the binding as `TollgateBinding`. src/rpc.ts is written in these types, so they are what is answered.
 *
 * Names are those of the HTTP API. Times are ISO 8601, spans are in whole seconds, `cost_usd` is US dollars: decimal text in every
 * answer, text or a number where it is given.
 */

/** What a Worker that is bound to Tollgate calls. Nothing here throws what Tollgate answers: a failure is data. */
export interface TollgateBinding {
  /** Whether an API key may do something, taking `cost` units of its limits: `POST /api/v1/keys/verify`. */
  verifyKey(input: VerifyKeyInput): Promise<KeyVerdict | Failure>
  /** Whose access token this is, as of now. */
  verifyToken(input: VerifyTokenInput): Promise<TokenVerdict | Failure>
  /** Records what was used, each event once: `POST /api/v1/usage`. */
  recordUsage(input: RecordUsageInput): Promise<RecordedUsage | Failure>
  /** Holds units of a quota for work whose cost is known afterwards: `POST /api/v1/usage/reserve`. */
  reserve(input: ReserveInput): Promise<Reservation | Failure>
  /** Records what a reservation came to, and gives its hold back: `POST /api/v1/usage/settle`. */
  settle(input: SettleInput): Promise<Settlement | Failure>
  /** What an organization may use and has used: `GET /api/v1/quotas`. */
  getQuotas(input: GetQuotasInput): Promise<Quotas | Failure>
  /** Finds or makes the organization of a customer, by your own id of it. */
  upsertOrganization(input: UpsertOrganizationInput): Promise<UpsertedOrganization | Failure>
  /** Issues an API key for an organization. The answer is the only copy of the key. */
  issueKey(input: IssueKeyInput): Promise<IssuedApiKey | Failure>
  /** Changes the fields of a key that are there and no others; null clears one. */
  updateKey(input: UpdateKeyInput): Promise<ApiKey | Failure>
  /** Replaces a key by a new one with everything it has. The answer is the only copy of the new key. */
  rotateKey(input: RotateKeyInput): Promise<IssuedApiKey | Failure>
  /** Revokes a key for good, everywhere within two seconds. Revoking again is no error. */
  revokeKey(input: RevokeKeyInput): Promise<RevokedKey | Failure>
  /** One page of an organization's keys, newest first. */
  listKeys(input: ListKeysInput): Promise<ApiKeyPage | Failure>
  /** What an organization used in a span, beside the one before: `GET /api/v1/usage/summary`. */
  getUsage(input: GetUsageInput): Promise<UsageSummary | Failure>
}

/**
 * A call that could not be answered. `valid` and `granted` are false, so that code which only looks at those refuses;
 * `'problem' in answer` tells it from every answer.
 */
export interface Failure {
  readonly valid: false
  readonly granted: false
  /** The problem's code in capitals, such as `INVALID_REQUEST` or `UNAVAILABLE`. */
  readonly code: Uppercase<string>
  /** As over HTTP: 503 while a store is unavailable, which is nobody's fault who holds a key. */
  readonly status: number
  /** Seconds until it is worth trying again. */
  readonly retry_after: number | null
  /** Ready to copy into an answer. */
  readonly headers: Headers
  /** RFC 9457, as over HTTP. */
  readonly problem: {
    readonly type: string
    readonly title: string
    readonly status: number
    readonly detail: string
    readonly code: string
    readonly request_id: string
    /** Each field that is wrong. */
    readonly errors?: readonly { readonly path: string; readonly message: string }[]
  }
}

type Headers = Readonly<Record<string, string>>

export interface VerifyKeyInput {
  /** The API key as its holder sent it. */
  readonly key: string
  /** Units to take, 1 when absent; 0 only looks. */
  readonly cost?: number | undefined
  /** Scopes the key must have, all of them. */
  readonly scopes?: readonly string[] | undefined
  /** Units to take of the key's named limits, instead of each one's usual cost. */
  readonly limits?: Readonly<Record<string, number>> | undefined
  /** What is called, for the statistics: `/v1/answers`. */
  readonly endpoint?: string | undefined
  readonly method?: string | undefined
  /** The caller's address; keys bound to addresses need it. */
  readonly ip?: string | undefined
  readonly user_agent?: string | undefined
  /** Makes a repeated verification count once. */
  readonly idempotency_key?: string | undefined
}

export type KeyVerdict = (ValidKey | RefusedKey) & {
  /** The headers of an answer that goes by it, ready to copy. */
  readonly headers: Headers
}

/** The key may do what was asked. */
export interface ValidKey extends KeyFacts, LimitReadings {
  readonly valid: true
  readonly code: 'VALID'
  readonly status: 200
  readonly retry_after: null
  readonly request_id: string
}

/** The key may not. One that is not known gets nothing but the first five; limits are told where they were asked. */
export interface RefusedKey extends Partial<KeyFacts>, Partial<LimitReadings> {
  readonly valid: false
  readonly code: KeyRefusal
  /** With which an API answers its caller. */
  readonly status: 401 | 403 | 429
  /** Seconds until it is worth trying again, at least 1; null where waiting does not help. */
  readonly retry_after: number | null
  readonly request_id: string
  /** What refused, where it was a limit: `ratelimit`, a named limit or a meter. */
  readonly refused_by?: string
  /** Set where more was asked for than the limit is: no waiting helps. */
  readonly never_fits?: true
}

export type KeyRefusal =
  | 'NOT_FOUND'
  | 'REVOKED'
  | 'DISABLED'
  | 'EXPIRED'
  | 'ORGANIZATION_SUSPENDED'
  | 'FORBIDDEN_IP'
  | 'INSUFFICIENT_SCOPE'
  | 'RATE_LIMITED'
  | 'QUOTA_EXCEEDED'

export interface KeyFacts {
  readonly key_id: string
  readonly organization_id: string
  /** The operator's own id of the organization, where it has one. */
  readonly external_id: string | null
  readonly user_id: string | null
  readonly name: string
  readonly environment: 'live' | 'test'
  readonly scopes: readonly string[]
  readonly plan: string
  readonly features: Readonly<Record<string, number | string | boolean>>
  /** JSON. What is inside of it is `object`: Cloudflare's types of a binding can follow neither `unknown` nor a recursion. */
  readonly metadata: Readonly<Record<string, object | string | number | boolean | null>>
  readonly expires_at: string | null
}

export interface LimitReadings {
  readonly ratelimit: WindowReading
  /** The key's named limits, where it has any. */
  readonly limits?: Readonly<Record<string, WindowReading>>
  readonly quotas: QuotaReadings
}

export interface WindowReading {
  readonly limit: number
  readonly remaining: number
  /** When all units are back, or when a refused cost fits; null where it never does. */
  readonly resets_at: string | null
}

/** By meter, in its own form of an amount: of `cost_usd` decimal text, else a number. */
export interface QuotaReadings extends Readonly<Partial<Record<Exclude<Meter, 'cost_usd'>, QuotaReading | undefined>>> {
  readonly cost_usd?: QuotaReading<string> | undefined
}

export interface QuotaReading<Amount = number> {
  readonly limit: Amount | null
  readonly used: Amount
  /** Reserved and not settled yet. */
  readonly held: Amount
  readonly remaining: Amount | null
  readonly resets_at: string
}

export interface VerifyTokenInput {
  readonly token: string
  /** The active organization of the token when absent. */
  readonly organization_id?: string | undefined
  /** What the user must be allowed to do there. */
  readonly permission?: Permission | undefined
}

export type TokenVerdict = ValidToken | RefusedToken

/** A token that is good, and who is behind it. */
export interface ValidToken {
  readonly valid: true
  readonly code: 'VALID'
  readonly request_id: string
  readonly user_id: string
  readonly session_id: string
  /** Null for a user without any. */
  readonly organization_id: string | null
  readonly role: Role | null
  /** While set its API keys do not verify; your API may want to refuse its people as well. */
  readonly organization_suspended: boolean
  /** The administrator who acts as the user for support, if somebody does. */
  readonly impersonator_id: string | null
  readonly is_administrator: boolean
}

export interface RefusedToken {
  readonly valid: false
  /** `UNAUTHENTICATED`: expired, revoked or not ours. `FORBIDDEN`: the user does not belong there, or may not. */
  readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN'
  readonly request_id: string
}

export type Role = 'viewer' | 'member' | 'admin' | 'owner'
export type Permission =
  | `${'organization' | 'members' | 'keys' | 'usage' | 'audit' | 'webhooks' | 'billing'}:read`
  | `${'organization' | 'members' | 'owners' | 'keys' | 'usage' | 'webhooks' | 'billing'}:write`
  | 'organization:delete'
  | 'keys:import'
  | 'usage:events'
  | 'usage:alerts'

/** `null` is the same as leaving a field out. */
type Given<Value, Names extends string> = { readonly [Name in Names]?: Value | null | undefined }

/** Tokens by every name that providers give them. */
type TokenNames =
  | `${'' | 'total_' | 'input_' | 'prompt_' | 'output_' | 'completion_'}tokens`
  | `${'cached_' | 'cache_read_input_' | 'cache_creation_input_'}tokens`

/** Amounts of one use. Gauges are how many there are now, not an amount to add; in a reservation, what would be added. */
export interface UsedUnits
  extends Given<number, 'api_calls' | 'queries' | 'concepts' | TokenNames>,
    Given<string | number, 'cost_usd' | 'storage_gb'>,
    Given<string, 'provider' | 'model'> {}

/** What a use was, beside its amounts. */
export interface UseDetails
  extends UsedUnits,
    Given<string, 'key_id' | 'endpoint' | 'method' | 'route' | 'ip' | 'user_agent' | 'error_code' | 'error_message'>,
    Given<number, 'status_code' | 'response_time_ms'>,
    Given<Readonly<Record<string, unknown>>, 'metadata'> {
  /** When it happened; now when absent. */
  readonly timestamp?: string | null | undefined
  /** That of the verdict by which this use was admitted: the event completes that request. */
  readonly request_id?: string | null | undefined
}

/** `id` is yours, to repeat it by: it counts once. `organization_id`, or `external_id`, is for a use without a key. */
export interface UsageEvent extends UseDetails, Given<string, 'id' | 'organization_id' | 'external_id'> {}

export interface RecordUsageInput {
  /** From 1 to 1,000; each is looked at by itself. */
  readonly events: readonly UsageEvent[]
  /** While the database fails: `spool` keeps the events elsewhere until it is back, `sync` fails. */
  readonly durability?: 'spool' | 'sync' | undefined
}

export interface RecordedUsage {
  readonly accepted: number
  /** Repeats of events that were counted before. */
  readonly duplicates: number
  /** Events whose id was used for a different one; not counted. */
  readonly conflicts: readonly EventPlace[]
  readonly rejected: readonly (EventPlace & { readonly code: EventRejection; readonly detail: string })[]
  readonly warnings?: readonly UsageWarning[] | undefined
  /** Set where the events are kept and not counted yet. */
  readonly spooled?: true
}

export type EventRejection =
  | 'invalid_event'
  | 'too_old'
  | 'in_future'
  | 'key_not_found'
  | 'organization_not_found'
  | 'organization_mismatch'
  | 'not_storable'

export interface EventPlace {
  /** Among the events sent, from 0. */
  readonly index: number
  readonly id: string | null
}

/** A descriptive field that was cut or left out; its event counts all the same. */
export interface UsageWarning extends EventPlace {
  readonly field: string
  readonly code: 'cut' | 'left_out'
  readonly detail: string
}

/** An estimate of at least one meter. */
export interface ReserveInput extends UsedUnits, Given<string, 'key_id' | 'organization_id' | 'external_id'> {
  /** Until the hold ends by itself; 600 when absent. */
  readonly expires_in_seconds?: number | undefined
  /** A repeat by the same caller gets the same hold. */
  readonly idempotency_key?: string | undefined
}

export type Reservation =
  | {
      readonly granted: true
      readonly reservation_id: string
      readonly expires_at: string
      /** What may be used, by meter. */
      readonly held: HeldAmounts
      readonly quotas: QuotaReadings
    }
  | {
      readonly granted: false
      readonly code: 'QUOTA_EXCEEDED'
      readonly exceeded: Omit<QuotaReading<number | string>, 'resets_at'> & {
        readonly meter: Meter
        readonly requested: number | string
        /** Null where the request never fits. */
        readonly resets_at: string | null
      }
      /** More was asked for than the limit is. */
      readonly never_fits?: true | undefined
      readonly quotas: QuotaReadings
    }

/** By meter. */
export interface HeldAmounts extends Readonly<Partial<Record<Exclude<Meter, 'cost_usd'>, number | undefined>>> {
  readonly cost_usd?: string | undefined
}

/** What was really used, or `cancel`. */
export interface SettleInput extends UseDetails {
  readonly reservation_id: string
  /** Nothing was used: the hold is given back and no event recorded. */
  readonly cancel?: boolean | undefined
}

export interface Settlement {
  /** A repeat counts once: `duplicate`, or `conflict` where it says something else. */
  readonly outcome: 'settled' | 'duplicate' | 'conflict' | 'spooled' | 'cancelled'
  /** Whether the hold was still there; it may have expired. */
  readonly released: boolean
  readonly warnings?: readonly UsageWarning[] | undefined
}

export interface GetQuotasInput {
  readonly organization_id: string
}

export interface Quotas {
  readonly period: string
  readonly resets_at: string
  readonly plan: string
  readonly rate_limit_per_minute: number
  readonly max_api_keys: number
  readonly meters: MeterReadings
  readonly features: Readonly<Record<string, number | string | boolean | null>>
}

export type Meter = 'api_calls' | 'queries' | 'tokens' | 'cost_usd' | 'concepts' | 'storage_gb'

export interface MeterReadings extends Readonly<Record<Exclude<Meter, 'cost_usd'>, MeterReading>> {
  readonly cost_usd: MeterReading<string>
}

export interface MeterReading<Amount = number> {
  readonly limit: Amount | null
  readonly used: Amount
  readonly held: Amount
  readonly remaining: Amount | null
  /** Of the limit; null without one. */
  readonly percent: number | null
  /** Used above a limit that only starts the overage. */
  readonly overage: Amount
}

/** How an organization is named: by Tollgate's id, by yours, or by both if they agree. */
export interface OrganizationRef {
  readonly organization_id?: string | undefined
  /** Your own id of the organization: 1 to 255 characters, compared byte for byte. */
  readonly external_id?: string | undefined
}

type Metadata = Readonly<Record<string, object | string | number | boolean | null>>

export interface UpsertOrganizationInput {
  readonly external_id: string
  /** The external id when absent, for a new organization. */
  readonly name?: string | undefined
  /** Billing contact. */
  readonly email?: string | null | undefined
  /** Your own notes, up to 50 keys and 4,000 characters. Replaced as a whole. */
  readonly metadata?: Metadata | undefined
  /** The first plan when absent, for a new organization. */
  readonly plan?: string | undefined
  /** A number overrides the plan's limit, null returns to it, what is absent stays. */
  readonly limits?: LimitOverrides | undefined
}

type LimitOverrides = { readonly [M in Exclude<Meter, 'cost_usd'>]?: number | null | undefined } & {
  readonly cost_usd?: number | string | null | undefined
  readonly rate_limit_per_minute?: number | null | undefined
  readonly max_api_keys?: number | null | undefined
}

export interface UpsertedOrganization {
  /** Whether it was made by this call. */
  readonly created: boolean
  readonly organization: Organization
}

export interface Organization {
  readonly id: string
  readonly external_id: string | null
  readonly name: string
  readonly slug: string
  readonly email: string | null
  readonly metadata: Metadata
  readonly plan: string
  readonly is_platform: boolean
  readonly is_personal: boolean
  readonly limit_overrides: {
    readonly [M in Exclude<Meter, 'cost_usd'>]?: number | undefined
  } & {
    readonly cost_usd?: string | undefined
    readonly rate_limit_per_minute?: number | undefined
    readonly max_api_keys?: number | undefined
  }
  readonly member_count: number
  readonly suspended_at: string | null
  readonly suspended_reason: string | null
  readonly created_at: string
}

/** A limit of a key beside its rate limit. */
export interface NamedLimit {
  readonly name: string
  readonly limit: number
  readonly window_seconds: number
  /** What a verification takes unless it says otherwise. */
  readonly cost: number
}

type NewNamedLimit = Omit<NamedLimit, 'cost'> & { readonly cost?: number | undefined }

/** What may be given to a key, and changed of it. */
interface KeyFields {
  readonly description?: string | null | undefined
  readonly scopes?: readonly string[] | undefined
  readonly expires_at?: string | null | undefined
  /** Units a minute; null follows the organization. */
  readonly custom_rate_limit?: number | null | undefined
  readonly limits?: readonly NewNamedLimit[] | undefined
  /** IP addresses and CIDR ranges. */
  readonly allowed_ips?: readonly string[] | null | undefined
  readonly metadata?: Metadata | undefined
}

export interface IssueKeyInput extends OrganizationRef, KeyFields {
  readonly name: string
  /** Two to eight lower-case letters and digits. */
  readonly prefix?: string | undefined
  readonly environment?: 'live' | 'test' | undefined
}

export interface UpdateKeyInput extends OrganizationRef, KeyFields {
  readonly key_id: string
  readonly name?: string | undefined
  readonly is_active?: boolean | undefined
}

export interface RotateKeyInput extends OrganizationRef {
  readonly key_id: string
  /** How long the old key goes on working, up to a week; 0 when absent. */
  readonly grace_period_seconds?: number | undefined
}

export interface RevokeKeyInput extends OrganizationRef {
  readonly key_id: string
}

export interface RevokedKey {
  readonly revoked: true
}

export interface ListKeysInput extends OrganizationRef {
  /** 1 to 100; 50 when absent. */
  readonly limit?: number | undefined
  /** `next_cursor` of the page before. */
  readonly cursor?: string | undefined
  readonly environment?: 'live' | 'test' | undefined
  readonly status?: 'active' | 'disabled' | 'expired' | 'revoked' | undefined
  readonly created_by?: string | undefined
  readonly scope?: string | undefined
  /** A part of the name, the hint or the description. */
  readonly search?: string | undefined
}

export interface ApiKeyPage {
  readonly data: readonly ApiKey[]
  /** Null on the last page. */
  readonly next_cursor: string | null
}

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly description: string | null
  readonly key_prefix: string
  /** The first and last characters, to recognize the key by. */
  readonly key_hint: string
  readonly environment: 'live' | 'test'
  readonly scopes: readonly string[]
  readonly is_active: boolean
  readonly expires_at: string | null
  readonly revoked_at: string | null
  readonly custom_rate_limit: number | null
  readonly limits: readonly NamedLimit[]
  readonly allowed_ips: readonly string[] | null
  readonly metadata: Metadata
  readonly total_requests: number
  readonly last_used_at: string | null
  readonly created_at: string
  readonly organization_id: string
  readonly created_by: string | null
  readonly rotated_from: string | null
  readonly replaced_by: string | null
  readonly leaked_at: string | null
}

export interface IssuedApiKey extends ApiKey {
  /** The key itself. It is here and never again. */
  readonly key: string
}

export interface GetUsageInput extends OrganizationRef {
  /** ISO 8601, or a day such as `2026-11-01` for its beginning. */
  readonly from?: string | undefined
  /** The first moment outside; now when absent. */
  readonly to?: string | undefined
}

/** Sums of a span; rates and times are null where there is nothing to take them of. */
export interface UsageTotals {
  readonly requests: number
  readonly errors: number
  readonly error_rate: number | null
  readonly api_calls: number
  readonly queries: number
  readonly tokens: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cached_tokens: number
  readonly cost_usd: string
  /** Events with a model that has no known price: their cost is not in `cost_usd`. */
  readonly unpriced: number
  readonly avg_response_time_ms: number | null
  readonly p50_response_time_ms: number | null
  readonly p95_response_time_ms: number | null
  readonly p99_response_time_ms: number | null
}

export interface UsageSummary {
  readonly from: string
  readonly to: string
  readonly totals: UsageTotals
  /** The span of the same length just before. */
  readonly previous: { readonly from: string; readonly to: string; readonly totals: UsageTotals }
  /** By how much each figure grew, as a share of what it was; null where it was nothing. */
  readonly change: Readonly<
    Record<'requests' | 'errors' | 'api_calls' | 'queries' | 'tokens' | 'cost_usd', number | null>
  >
}
