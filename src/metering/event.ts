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
   * SHA-256, in hex, of what the caller sent. It tells a repeat from another event with the same id. Absent if the
   * event is exactly what was sent.
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
  /** How many requests the event stands for: 1, more if equal refusals were merged, 0 if it completes a request. */
  readonly requests?: number
  /** The id of the verified request that the event completes. */
  readonly completes?: string
  readonly api_calls?: number
  /** Of a verification: what each of its calls costs the customer, as it was let through. A decimal string. */
  readonly price_per_call_usd?: string
  readonly queries?: number
  readonly input_tokens?: number
  readonly output_tokens?: number
  readonly cached_tokens?: number
  /** Amounts of custom meters, by slug. Of gauges, readings. */
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
  /** What the provider takes, exactly: it is rounded to nano-dollars where it is stored. */
  readonly cost_usd?: string | null
  readonly route?: string
  readonly ip?: string | null
  readonly user_agent?: string | null
  readonly error_code?: string | null
  readonly error_message?: string | null
  readonly metadata?: Readonly<Record<string, unknown>> | null
  /** Of a settlement: the hold that ends with it. */
  readonly settles?: SettledHold
  /** Of a verification. Set once the event is kept. */
  trace?: VerdictTrace
}

/** The hold that an event settles, and the counters that hold units for it. */
export interface SettledHold {
  readonly period: string
  readonly holdId: string
  readonly counters: readonly TracedCounter[]
}

/** A counter as it is kept with a hold: what the scripts need, and what it counts; nothing for slots. */
export interface TracedCounter {
  /** That of the limit. */
  readonly name: string
  readonly key: string
  readonly windowMs?: number
  readonly until?: number
  readonly kept?: KeptSince
  readonly meter?: string
  /** Decimals of a custom meter. */
  readonly scale?: number
}

/** What a verdict was decided from and what the counters said then, for the request inspector (admin/requests/). Short: one is kept with each event. */
export interface VerdictTrace {
  readonly plan: string
  /** Of the cached rows of the key and of its organization: whether either has changed since. */
  readonly versions: readonly [key: number, organization: number]
  /** The request's id, where the event is stored under another one. */
  readonly request?: string
  /** Ids of equal refusals that were merged into this one: the first of them. */
  also?: string[]
  /** The key of the service that asked, where it is known by one. */
  readonly service?: string
  /** Units asked for, where not 1. */
  readonly cost?: number
  /** Of the rate limit (`ratelimit`) and named limits: limit, what is left, and when it resets. */
  readonly windows?: Readonly<Record<string, readonly [limit: Amount, remaining: Amount, resetsAt: string | null]>>
  /** By meter: the limit, what is used and what is held; money as decimal text. */
  readonly quotas?: Readonly<Record<string, readonly [limit: Amount | null, used: Amount, held: Amount]>>
  readonly refused_by?: string
  readonly never_fits?: true
  /** Scopes that were asked for and that the key has not: the first of them. */
  readonly missing?: readonly string[]
  /** Set where it was decided without Redis. */
  readonly alone?: true
}

type Amount = number | string

/**
 * Whether a verification is stored under the id that its request was given here. Nobody else can choose that id, and a
 * retry repeats the event with its moment: the raw event itself, which is kept longer than anything is retried, tells that
 * it was counted. All other ids are claimed (claim-ids.ts).
 */
export const isOwn = ({ source, request_id }: UsageEvent): boolean => source === VERIFICATION && request_id == null

/** Whether a value that was stored or sent is an event at all. Whether its other fields can be written is for Postgres to say. */
export function isEvent(value: unknown): value is UsageEvent {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string'
}

/**
 * An event whose owner is known only by what the caller sent: a key, an organization, or nothing for the caller itself.
 */
export interface UnattributedEvent extends Omit<UsageEvent, 'organization_id'> {
  readonly organization_id?: string | null
  /** The operator's own id of the organization. */
  readonly external_id?: string | null
  /** The id of a key or of an organization: the subject of a CloudEvent. */
  readonly holder?: string
}

export interface UnattributedUsage {
  readonly events: readonly UnattributedEvent[]
  /** The organization that reported it, and may report only for itself; null for an operator's service. */
  readonly caller: string | null
}
