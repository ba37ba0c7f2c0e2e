import type { KeptSince } from '../limits/counter.ts'

/** The `source` of events that a verification counted. */
export const VERIFICATION = 'verification'

/**
 * One use of an API, as it is stored. Absent quantities are 0, absent texts are empty. Counts are whole units;
 * `cost_usd` is a decimal string, because money is never a float.
 */
export interface UsageEvent {
  /** Unique within the organization and source: the caller's own id, a hash of their idempotency key, or a UUIDv7. */
  readonly id: string
  /** The namespace of the id, so that a request may be verified and metered under one id. Without spaces. */
  readonly source?: string
  /**
   * SHA-256, in hex, of the caller's input. It distinguishes a repeat from another event with the same id. Absent if the
   * event is exactly that input.
   */
  readonly payload_hash?: string
  /** For a verification: the id of its request, if it is stored under another id. */
  readonly request_id?: string
  /** Whether an even (0) or an odd (1) generation of the quota's counter counted its calls. Absent if none did. */
  readonly lane?: number
  readonly organization_id: string
  /** ISO 8601. */
  readonly occurred_at: string
  readonly key_id?: string | null
  readonly user_id?: string | null
  readonly environment?: string
  /** The operator's customer's user: any text. */
  readonly subject?: string | null
  readonly endpoint?: string
  readonly method?: string
  readonly status_code?: number
  readonly response_time_ms?: number | null
  /** The number of requests that the event represents: 1, more if identical refusals were merged, 0 if it completes a request. */
  readonly requests?: number
  /** The id of the verified request that the event completes. */
  readonly completes?: string
  readonly api_calls?: number
  /** For a verification: the customer's price of each call, at admission. A decimal string. */
  readonly price_per_call_usd?: string
  readonly queries?: number
  readonly input_tokens?: number
  readonly output_tokens?: number
  readonly cached_tokens?: number
  /** Amounts of custom meters, by slug; for gauges, readings. */
  readonly quantities?: Readonly<Record<string, number>>
  readonly cache_write_tokens?: number
  readonly audio_input_tokens?: number
  readonly audio_output_tokens?: number
  /** Readings of the gauges, not amounts to add. The newest reading is the organization's. */
  readonly concepts?: number | null
  /** A decimal string. */
  readonly storage_gb?: string | null
  readonly provider?: string
  readonly model?: string
  /** The provider's price, exact: it is rounded to nano-dollars when it is stored. */
  readonly cost_usd?: string | null
  readonly route?: string
  readonly ip?: string | null
  readonly user_agent?: string | null
  readonly error_code?: string | null
  readonly error_message?: string | null
  readonly metadata?: Readonly<Record<string, unknown>> | null
  /** For a settlement: the hold that ends with it. */
  readonly settles?: SettledHold
  /** For a verification. Set once the event is stored. */
  trace?: VerdictTrace
}

/** The hold that an event settles, and the counters that hold units for it. */
export interface SettledHold {
  readonly period: string
  readonly holdId: string
  readonly counters: readonly TracedCounter[]
}

/** A counter as it is stored with a hold: the scripts' fields, and its meter; no meter for slots. */
export interface TracedCounter {
  /** The limit's name. */
  readonly name: string
  readonly key: string
  readonly windowMs?: number
  readonly until?: number
  readonly kept?: KeptSince
  readonly meter?: string
  /** Decimals of a custom meter. */
  readonly scale?: number
}

/** The data from which a verdict was decided and the counters at that time, for the request inspector (admin/requests/). Compact, because one is stored with each event. */
export interface VerdictTrace {
  readonly plan: string
  /** Of the cached rows of the key and of its organization: they show whether either has changed since. */
  readonly versions: readonly [key: number, organization: number]
  /** The request's id, if the event is stored under another one. */
  readonly request?: string
  /** Ids of identical refusals that were merged into this one: the first of them. */
  also?: string[]
  /** The key of the calling service, if it used one. */
  readonly service?: string
  /** Requested units, if not 1. */
  readonly cost?: number
  /** Of the rate limit (`ratelimit`) and named limits: limit, remaining units, and reset time. */
  readonly windows?: Readonly<Record<string, readonly [limit: Amount, remaining: Amount, resetsAt: string | null]>>
  /** By meter: the limit, used and held units; money as decimal text. */
  readonly quotas?: Readonly<Record<string, readonly [limit: Amount | null, used: Amount, held: Amount]>>
  readonly refused_by?: string
  readonly never_fits?: true
  /** Requested scopes that the key lacks: the first of them. */
  readonly missing?: readonly string[]
  /** Set if it was decided without Redis. */
  readonly alone?: true
}

type Amount = number | string

/**
 * Whether a verification is stored under the id that its request was given here. Nobody else can choose that id, and a
 * retry repeats the event with its time. The raw event itself, which is kept longer than anything is retried, shows that
 * it was counted. All other ids are claimed (claim-ids.ts).
 */
export const isOwn = ({ source, request_id }: UsageEvent): boolean => source === VERIFICATION && request_id == null

/** Whether a stored or sent value is an event at all. Postgres decides whether its other fields can be written. */
export function isEvent(value: unknown): value is UsageEvent {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string'
}

/**
 * An event whose owner is known only from the caller's input: a key, an organization, or nothing for the caller itself.
 */
export interface UnattributedEvent extends Omit<UsageEvent, 'organization_id'> {
  readonly organization_id?: string | null
  /** The operator's own id of the organization. */
  readonly external_id?: string | null
  /** The id of a key or of an organization, from the subject of a CloudEvent. */
  readonly holder?: string
}

export interface UnattributedUsage {
  readonly events: readonly UnattributedEvent[]
  /** The organization that reported it, and may report only for itself; null for an operator's service. */
  readonly caller: string | null
}

/** Whose limits an event counts in: those of its key and of its organization. */
export const toHolder = ({ organization_id: organizationId, key_id: keyId }: UsageEvent) => ({ organizationId, keyId })
