/** The `source` of what a verification counted. */
export const VERIFICATION = 'verification'

/**
 * One use of an API, as it is stored. Absent quantities are 0, absent texts empty. Counts are whole units; `cost_usd` is
 * a decimal string, since money is never a float.
 */
export interface UsageEvent {
  /** Unique within the organization and source: the caller's own, what stands for their idempotency key, or a UUIDv7. */
  readonly id: string
  /** Whose ids it is numbered by, so that a request may be verified and metered under one id. Without spaces. */
  readonly source?: string
  /**
   * SHA-256, in hex, of what the caller sent, by which a repeat is told from another event of the same id; absent where
   * the event is what was sent.
   */
  readonly payload_hash?: string
  /** Of a verification: its request's id, where it is stored under another one. */
  readonly request_id?: string
  /** Whether an even (0) or an odd (1) generation of the quota's counter has counted its calls; absent where none has. */
  readonly lane?: number
  readonly organization_id: string
  /** ISO 8601. */
  readonly occurred_at: string
  readonly key_id?: string | null
  readonly user_id?: string | null
  readonly environment?: string
  readonly endpoint?: string
  readonly method?: string
  readonly status_code?: number
  readonly response_time_ms?: number | null
  /** How many requests the event stands for: 1, more where equal refusals were merged, 0 where it completes one. */
  readonly requests?: number
  /** The id of the verified request that the event completes. */
  readonly completes?: string
  readonly api_calls?: number
  readonly queries?: number
  readonly input_tokens?: number
  readonly output_tokens?: number
  readonly cached_tokens?: number
  /** Readings of the gauges, not amounts to add: the newest is the organization's. */
  readonly concepts?: number | null
  /** A decimal string. */
  readonly storage_gb?: string | null
  readonly provider?: string
  readonly model?: string
  readonly cost_usd?: string | null
  readonly route?: string
  readonly ip?: string | null
  readonly user_agent?: string | null
  readonly error_code?: string | null
  readonly error_message?: string | null
  readonly metadata?: Readonly<Record<string, unknown>> | null
}

/** A use of which only the caller has said whose it is: by a key, an organization, or nothing where they are their own. */
export interface UnattributedEvent extends Omit<UsageEvent, 'organization_id'> {
  readonly organization_id?: string | null
  /** The operator's own id of the organization. */
  readonly external_id?: string | null
  /** The id of a key or of an organization. */
  readonly subject?: string
}

export interface UnattributedUsage {
  readonly events: readonly UnattributedEvent[]
  /** The organization that recorded it, for which alone it may; null for a service of the operator's. */
  readonly caller: string | null
}
