/* oxlint-disable max-lines -- one file, since those who call Tollgate copy it */
/**
 * The types of the service binding, for Workers that call Tollgate. This file imports nothing: copy it into your
 * Worker, and type the binding as `TollgateBinding`. src/rpc.ts is typed by it, so the types always match the answers.
 *
 * Names are those of the HTTP API. Times are ISO 8601, durations are in whole seconds, `cost_usd` is US dollars:
 * decimal text in every answer, text or a number in inputs.
 */

/** The methods of Tollgate's service binding. None of them throws: a failure is data. */
export interface TollgateBinding {
  /** Whether an API key may do something, taking `cost` units of its limits: `POST /api/v1/keys/verify`. */
  verifyKey(input: VerifyKeyInput): Promise<KeyVerdict | Failure>
  /** Checks whose access token this is, with current data. */
  verifyToken(input: VerifyTokenInput): Promise<TokenVerdict | Failure>
  /** Records usage, each event once: `POST /api/v1/usage`. */
  recordUsage(input: RecordUsageInput): Promise<RecordedUsage | Failure>
  /** Holds units of a quota for work whose cost is known afterwards: `POST /api/v1/usage/reserve`. */
  reserve(input: ReserveInput): Promise<Reservation | Failure>
  /** Records the actual use of a reservation, and releases its hold: `POST /api/v1/usage/settle`. */
  settle(input: SettleInput): Promise<Settlement | Failure>
  /** Lets a reservation expire later: `POST /api/v1/usage/reservations/{id}/extend`. */
  extendReservation(input: ExtendInput): Promise<Extension | Failure>
  /** An organization's limits and use: `GET /api/v1/quotas`. */
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
 * A call that failed. `valid` and `granted` are false, so that code that only reads those refuses the request.
 * `'problem' in answer` distinguishes it from every other answer.
 */
export interface Failure {
  readonly valid: false
  readonly granted: false
  /** The problem's code in upper case, such as `INVALID_REQUEST` or `UNAVAILABLE`. */
  readonly code: Uppercase<string>
  /** As over HTTP: 503 while a store is unavailable, which is not the fault of the key's holder. */
  readonly status: number
  /** Seconds until a retry makes sense. */
  readonly retry_after: number | null
  /** Ready to copy into your answer. */
  readonly headers: Headers
  /** RFC 9457, as over HTTP. */
  readonly problem: {
    readonly type: string
    readonly title: string
    readonly status: number
    readonly detail: string
    readonly code: string
    readonly request_id: string
    /** Each invalid field. */
    readonly errors?: readonly { readonly path: string; readonly message: string }[]
  }
}

type Headers = Readonly<Record<string, string>>

export interface VerifyKeyInput {
  /** The API key as its holder sent it. */
  readonly key: string
  /** Units to take, 1 by default. 0 reads the limits and takes nothing. */
  readonly cost?: number | undefined
  /** Scopes that the key must have. It needs all of them. */
  readonly scopes?: readonly string[] | undefined
  /** Units to take from key limits, by name, instead of each limit's usual cost. */
  readonly limits?: Readonly<Record<string, number>> | undefined
  /** Amounts to take of your own meters, by slug, such as `{ images: 3 }`. */
  readonly quantities?: Readonly<Record<string, number>> | undefined
  /** Your customer's user, for limits and statistics of each: any text of 1 to 128 characters. */
  readonly subject?: string | undefined
  /** The endpoint that the request calls, for usage reports, such as `/v1/answers`. */
  readonly endpoint?: string | undefined
  readonly method?: string | undefined
  /** The caller's IP address. Keys with an IP allowlist require it. */
  readonly ip?: string | undefined
  readonly user_agent?: string | undefined
  /** Makes a repeated verification count once. */
  readonly idempotency_key?: string | undefined
}

export type KeyVerdict = (ValidKey | RefusedKey) & {
  /** The headers of an answer that follows the verdict, ready to copy. */
  readonly headers: Headers
}

/** The key may make this request. */
export interface ValidKey extends KeyFacts, LimitReadings {
  readonly valid: true
  readonly code: 'VALID'
  readonly status: 200
  readonly retry_after: null
  readonly request_id: string
}

/**
 * The key may not make this request. For an unknown key, only the first five fields are set; limits are set if they
 * were checked.
 */
export interface RefusedKey extends Partial<KeyFacts>, Partial<LimitReadings> {
  readonly valid: false
  readonly code: KeyRefusal
  /** The status your API should answer its caller with. */
  readonly status: 401 | 402 | 403 | 429
  /** Seconds until a retry makes sense, at least 1. Null if waiting does not help. */
  readonly retry_after: number | null
  readonly request_id: string
  /** The limit that refused, if one did: `ratelimit`, a limit of the key by its name, one of its organization as `organization:<name>`, or a meter. */
  readonly refused_by?: string
  /** Set if the cost exceeds the limit itself, so that waiting does not help. */
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
  | 'CREDITS_EXHAUSTED'

export interface KeyFacts {
  readonly key_id: string
  readonly organization_id: string
  /** The operator's own id of the organization, if it has one. */
  readonly external_id: string | null
  readonly user_id: string | null
  readonly name: string
  readonly environment: 'live' | 'test'
  readonly scopes: readonly string[]
  readonly plan: string
  readonly features: Readonly<Record<string, number | string | boolean>>
  /**
   * JSON. Nested values have the type `object`, because Cloudflare's types of a binding support neither `unknown` nor
   * recursion.
   */
  readonly metadata: Readonly<Record<string, object | string | number | boolean | null>>
  readonly expires_at: string | null
}

export interface LimitReadings {
  readonly ratelimit: WindowReading
  /** The key's limits by their names, if it has any. */
  readonly limits?: Readonly<Record<string, LimitReading>>
  readonly quotas: QuotaReadings
}

export interface WindowReading {
  readonly limit: number
  readonly remaining: number
  /** When all units are available again, or when a refused cost will fit. Null if it never will. */
  readonly resets_at: string | null
}

/** A limit of a key. Of `cost_usd` amounts are decimal text. */
export interface LimitReading {
  readonly limit: number | string
  readonly remaining: number | string
  readonly resets_at: string | null
  /** Absent for a rolling window of requests. */
  readonly meter?: string | undefined
  /** With `meter`: units that are reserved and not settled yet. */
  readonly held?: number | string | undefined
}

/** By meter: `cost_usd` is decimal text, all other amounts are numbers. */
export interface QuotaReadings extends Readonly<Partial<Record<Exclude<Meter, 'cost_usd'>, QuotaReading | undefined>>> {
  readonly cost_usd?: QuotaReading<string> | undefined
  /** Your own meters, by slug. Their amounts are numbers. */
  readonly [slug: string]: QuotaReading | QuotaReading<string> | undefined
}

export interface QuotaReading<Amount = number> {
  readonly limit: Amount | null
  readonly used: Amount
  /** Units that are reserved and not settled yet. */
  readonly held: Amount
  readonly remaining: Amount | null
  readonly resets_at: string
}

export interface VerifyTokenInput {
  readonly token: string
  /** Defaults to the token's active organization. */
  readonly organization_id?: string | undefined
  /** Alternative to `organization_id`: your own id of the organization. */
  readonly external_id?: string | undefined
  /** The permission that the user must have there. */
  readonly permission?: Permission | undefined
}

export type TokenVerdict = ValidToken | RefusedToken

/** A valid token, and its user. */
export interface ValidToken {
  readonly valid: true
  readonly code: 'VALID'
  readonly request_id: string
  /** A UUID. For a token of a trusted issuer, the issuer's own id of the user. */
  readonly user_id: string
  /** Null for a token of a trusted issuer: there is no session here. */
  readonly session_id: string | null
  /** The trusted issuer of the token (docs/operate/trusted-issuers.md); null for a token of this deployment. */
  readonly issuer: string | null
  /** Null for a user without an organization. */
  readonly organization_id: string | null
  readonly role: Role | null
  /** While set, its API keys do not verify. Your API may want to refuse its members as well. */
  readonly organization_suspended: boolean
  /** The administrator who acts as this user in a support session; null otherwise. */
  readonly impersonator_id: string | null
  readonly is_administrator: boolean
}

export interface RefusedToken {
  readonly valid: false
  /**
   * `UNAUTHENTICATED`: expired, revoked, or not from this deployment. `FORBIDDEN`: the user is not a member, or lacks
   * the permission.
   */
  readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN'
  readonly request_id: string
}

/** A built-in role, or the name of one that the organization made for itself. */
export type Role = 'viewer' | 'member' | 'admin' | 'owner' | (string & {})
export type Permission =
  | `${'organization' | 'members' | 'keys' | 'usage' | 'audit' | 'webhooks' | 'billing'}:read`
  | `${'organization' | 'members' | 'owners' | 'keys' | 'usage' | 'webhooks' | 'billing'}:write`
  | 'organization:delete'
  | 'keys:import'
  | 'usage:events'
  | 'usage:alerts'

/** `null` is the same as an absent field. */
type Given<Value, Names extends string> = { readonly [Name in Names]?: Value | null | undefined }

/** Token counts by every name that providers use. */
type TokenNames =
  | `${'' | 'total_' | 'input_' | 'prompt_' | 'output_' | 'completion_'}tokens`
  | `${'cached_' | 'cache_read_input_' | 'cache_creation_input_' | 'cache_write_'}tokens`
  | `audio_${'input' | 'output'}_tokens`

/**
 * Amounts of one use. Gauges are current readings, not amounts to add; in a reservation, the amounts that would be
 * added.
 */
export interface UsedUnits
  extends Given<number, 'api_calls' | 'queries' | 'concepts' | TokenNames>,
    Given<string | number, 'cost_usd' | 'storage_gb'>,
    Given<string, 'provider' | 'model'> {
  /** Amounts of your own meters, by slug. */
  readonly quantities?: Readonly<Record<string, number>> | null | undefined
}

/** Details of a use, in addition to its amounts. */
export interface UseDetails
  extends UsedUnits,
    Given<
      string,
      'key_id' | 'subject' | 'endpoint' | 'method' | 'route' | 'ip' | 'user_agent' | 'error_code' | 'error_message'
    >,
    Given<number, 'status_code' | 'response_time_ms'>,
    Given<Readonly<Record<string, unknown>>, 'metadata'> {
  /** When it happened. Defaults to now. */
  readonly timestamp?: string | null | undefined
  /** The `request_id` of the verdict that admitted this use. The event completes that request. */
  readonly request_id?: string | null | undefined
}

/** `id` is yours, to repeat it by: it counts once. `organization_id`, or `external_id`, is for a use without a key. */
export interface UsageEvent extends UseDetails, Given<string, 'id' | 'organization_id' | 'external_id'> {}

export interface RecordUsageInput {
  /** From 1 to 1,000. Each is validated on its own. */
  readonly events: readonly UsageEvent[]
  /** While the database fails: `spool` keeps the events until it is back, `sync` fails. */
  readonly durability?: 'spool' | 'sync' | undefined
}

export interface RecordedUsage {
  readonly accepted: number
  /** Events that were already counted. */
  readonly duplicates: number
  /** Events whose id was already used for a different event. They are not counted. */
  readonly conflicts: readonly EventPlace[]
  readonly rejected: readonly (EventPlace & { readonly code: EventRejection; readonly detail: string })[]
  readonly warnings?: readonly UsageWarning[] | undefined
  /** Set if the events are kept but not counted yet. */
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
  /** The index among the sent events, from 0. */
  readonly index: number
  readonly id: string | null
}

/** A descriptive field that was cut or left out, or the cost of use of a reservation that is not known. Its event still counts. */
export interface UsageWarning extends EventPlace {
  readonly field: string
  readonly code: 'cut' | 'left_out' | 'unpriced'
  readonly detail: string
}

/** An estimate of at least one meter. */
export interface ReserveInput extends UsedUnits, Given<string, 'key_id' | 'organization_id' | 'external_id'> {
  /** Your customer's user, for limits and statistics of each. */
  readonly subject?: string | null | undefined
  /** A hold of nothing else: one of `max_concurrent`. */
  readonly slots?: 1 | undefined
  /** How long the hold lasts. Defaults to 600. */
  readonly expires_in_seconds?: number | undefined
  /** A repeat by the same caller gets the same hold. */
  readonly idempotency_key?: string | undefined
}

export type Reservation =
  | {
      readonly granted: true
      readonly reservation_id: string
      readonly expires_at: string
      /** The units that may be used, by meter. */
      readonly held: HeldAmounts
      readonly quotas: QuotaReadings
      /** The limits of the key that count a reserved meter, by name. */
      readonly limits?: Readonly<Record<string, LimitReading>> | undefined
    }
  | {
      readonly granted: false
      /** What refused: the quota of the organization, a limit of the key, or the number of concurrent holds. */
      readonly code: 'QUOTA_EXCEEDED' | 'RATE_LIMITED' | 'CONCURRENCY_EXCEEDED' | 'CREDITS_EXHAUSTED'
      /** The meter of the quota, the name of the limit, `organization:<name>` for one of the organization, or `max_concurrent`. */
      readonly refused_by: string
      /** Seconds until it will fit at the latest. Null if waiting does not help. */
      readonly retry_after: number | null
      readonly exceeded: Omit<QuotaReading<number | string>, 'resets_at'> & {
        /** A built-in meter, the slug of your own, or what the limit counts; `slots` for concurrent reservations. */
        readonly meter: string
        readonly requested: number | string
        /** Null if the request never fits. */
        readonly resets_at: string | null
      }
      /** The request exceeds the limit itself. */
      readonly never_fits?: true | undefined
      readonly quotas: QuotaReadings
      readonly limits?: Readonly<Record<string, LimitReading>> | undefined
    }

/** By meter. */
export interface HeldAmounts extends Readonly<Partial<Record<Exclude<Meter, 'cost_usd'>, number | undefined>>> {
  readonly cost_usd?: string | undefined
  /** Your own meters, by slug. */
  readonly [slug: string]: number | string | undefined
}

/** The actual use, or `cancel`. */
export interface SettleInput extends UseDetails {
  readonly reservation_id: string
  /** Nothing was used: the hold is released and no event is recorded. */
  readonly cancel?: boolean | undefined
}

export interface Settlement {
  /** A repeat counts once: `duplicate`, or `conflict` if it differs, such as canceling a settled reservation. */
  readonly outcome: 'settled' | 'duplicate' | 'conflict' | 'spooled' | 'canceled'
  /** Whether the hold still existed. It may have expired. */
  readonly released: boolean
  readonly warnings?: readonly UsageWarning[] | undefined
}

export interface ExtendInput {
  readonly reservation_id: string
  /** Seconds from now. A reservation never expires earlier than before. */
  readonly expires_in_seconds: number
}

export interface Extension {
  readonly reservation_id: string
  readonly expires_at: string
}

/** One of the two, or both if they agree. */
export interface GetQuotasInput {
  readonly organization_id?: string | undefined
  /** Your own id of the organization. */
  readonly external_id?: string | undefined
}

export interface Quotas {
  readonly period: string
  readonly resets_at: string
  readonly plan: string
  readonly rate_limit_per_minute: number
  readonly max_api_keys: number
  /** Limits in which all keys of the organization count together. */
  readonly organization_limits: readonly OrganizationLimit[]
  /** The maximum number of open reservations; null for any number. */
  readonly max_concurrent: ConcurrencyReading | null
  readonly meters: MeterReadings
  /** Absent for an organization that uses no prepaid credits. */
  readonly credits?: CreditReading | undefined
  readonly features: Readonly<Record<string, number | string | boolean | null>>
}

/** A limit of an organization, and what is left of it: null for a limit of each subject, and while it cannot be read. */
export interface OrganizationLimit {
  readonly name: string
  /** What it counts, such as `requests` or `tokens`. */
  readonly meter: string
  /** Amounts are decimal text for `cost_usd`, else numbers. */
  readonly limit: number | string
  /** One of the two: any stretch of that length, or each calendar period in UTC. */
  readonly window_seconds?: number | undefined
  readonly period?: 'hour' | 'day' | 'week' | 'month' | undefined
  /** Set if each subject has this limit to itself. */
  readonly per?: 'subject' | undefined
  /** Of `requests`: what a verification takes unless it says otherwise. */
  readonly cost?: number | undefined
  readonly used: number | string | null
  readonly held: number | string | null
  readonly remaining: number | string | null
  /** When all units are available again. */
  readonly resets_at: string | null
}

export interface ConcurrencyReading {
  readonly limit: number
  /** The number of open reservations; null while it cannot be read. */
  readonly open: number | null
}

/** US dollars, as decimal text. */
export interface CreditReading {
  /** What is left, including what is held. */
  readonly balance: string
  /** What open reservations hold. */
  readonly held: string
}

export type Meter = 'api_calls' | 'queries' | 'tokens' | 'cost_usd' | 'concepts' | 'storage_gb'

export interface MeterReadings extends Readonly<Record<Exclude<Meter, 'cost_usd'>, MeterReading>> {
  readonly cost_usd: MeterReading<string>
  /** Your own meters, by slug. Their amounts are numbers. */
  readonly [slug: string]: MeterReading | MeterReading<string>
}

export interface MeterReading<Amount = number> {
  readonly limit: Amount | null
  readonly used: Amount
  readonly held: Amount
  readonly remaining: Amount | null
  /** Percent of the limit; null without one. */
  readonly percent: number | null
  /** Usage above a limit that allows overage. */
  readonly overage: Amount
  /** The display name. Only for your own meters, like the next two fields. */
  readonly name?: string | undefined
  readonly unit?: string | undefined
  readonly kind?: 'counter' | 'gauge' | undefined
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
  /** A number overrides the plan's limit, null restores the plan's limit, and absent fields stay unchanged. */
  readonly limits?: LimitOverrides | undefined
}

type LimitOverrides = { readonly [M in Exclude<Meter, 'cost_usd'>]?: number | null | undefined } & {
  readonly cost_usd?: number | string | null | undefined
  readonly rate_limit_per_minute?: number | null | undefined
  readonly max_api_keys?: number | null | undefined
  /** Your own meters, by slug. */
  readonly meters?: Readonly<Record<string, number | null>> | undefined
  /** The most reservations that may be open at once. */
  readonly max_concurrent?: number | null | undefined
  /** Those that replace the plan's of the same name, and others; null or none returns to the plan's. */
  readonly organization_limits?: readonly NewOrganizationLimit[] | null | undefined
}

/** A limit in which all keys of an organization count together. */
export interface NewOrganizationLimit extends Omit<NamedLimit, 'per'> {
  /** `subject`: each subject has the limit for itself, across all keys. */
  readonly per?: 'organization' | 'subject' | undefined
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
  /** The version of the plan; it stays on it until it is moved. */
  readonly plan_version: number
  readonly is_platform: boolean
  readonly is_personal: boolean
  readonly limit_overrides: {
    readonly [M in Exclude<Meter, 'cost_usd'>]?: number | undefined
  } & {
    readonly cost_usd?: string | undefined
    readonly rate_limit_per_minute?: number | undefined
    readonly max_api_keys?: number | undefined
    readonly meters?: Readonly<Record<string, number>> | undefined
    readonly max_concurrent?: number | undefined
    readonly organization_limits?: readonly NamedLimit[] | undefined
  }
  readonly member_count: number
  readonly status: 'active' | 'suspended' | 'past_due'
  readonly suspended_at: string | null
  readonly suspended_reason: string | null
  readonly created_at: string
}

/** A limit of a key beside its rate limit. */
export interface NamedLimit {
  readonly name: string
  /** What it counts: `requests` if absent. */
  readonly meter?: LimitMeter | undefined
  /** Of `cost_usd` US dollars as decimal text. */
  readonly limit: number | string
  /** One of the two: any stretch of that length, or each calendar period in UTC. */
  readonly window_seconds?: number | undefined
  readonly period?: 'hour' | 'day' | 'week' | 'month' | undefined
  /** `subject`: each subject has the limit for itself. */
  readonly per?: 'key' | 'subject' | undefined
  /** Of `requests`: what a verification takes unless it says otherwise. */
  readonly cost?: number | undefined
}

export type LimitMeter = 'requests' | 'api_calls' | 'queries' | 'tokens' | 'input_tokens' | 'output_tokens' | 'cost_usd'

/** What may be given to a key, and changed of it. */
interface KeyFields {
  readonly description?: string | null | undefined
  readonly scopes?: readonly string[] | undefined
  readonly expires_at?: string | null | undefined
  /** Units a minute; null follows the organization. */
  readonly custom_rate_limit?: number | null | undefined
  readonly limits?: readonly NamedLimit[] | undefined
  /** The most holds that may be open at once; null follows the plan. */
  readonly max_concurrent?: number | null | undefined
  /** IP addresses and CIDR ranges. */
  readonly allowed_ips?: readonly string[] | null | undefined
  readonly metadata?: Metadata | undefined
}

export interface IssueKeyInput extends OrganizationRef, KeyFields {
  readonly name: string
  /** Two to eight lower-case letters and digits. */
  readonly prefix?: string | undefined
  readonly environment?: 'live' | 'test' | undefined
  /** Of 1 to 255 characters: a repeat with the same key and input within 24 hours gets the first answer, secret included. */
  readonly idempotency_key?: string | undefined
}

export interface UpdateKeyInput extends OrganizationRef, KeyFields {
  readonly key_id: string
  readonly name?: string | undefined
  readonly is_active?: boolean | undefined
}

export interface RotateKeyInput extends OrganizationRef {
  readonly key_id: string
  /** How long the old key keeps working, up to a week. Defaults to 0. */
  readonly grace_period_seconds?: number | undefined
  /** As for `issueKey`. */
  readonly idempotency_key?: string | undefined
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
  readonly max_concurrent: number | null
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
  /** The application whose access token it is; null for every other key. */
  readonly client_id: string | null
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

/** Sums of a span. Rates and times are null if there are no requests. */
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
  /** What the customer pays. */
  readonly charge_usd?: string | undefined
  /** What the provider takes. */
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
  /** The growth of each figure, as a share of its earlier value; null if that was zero. */
  readonly change: Readonly<
    Record<'requests' | 'errors' | 'api_calls' | 'queries' | 'tokens' | 'cost_usd', number | null>
  >
}
