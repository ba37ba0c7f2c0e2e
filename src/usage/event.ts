/**
 * One use of an API, as it is stored. Absent quantities are 0, absent texts empty. Counts are whole units; `cost_usd` is
 * a decimal string, since money is never a float.
 */
export interface UsageEvent {
  /** Unique within the organization: the caller's idempotency key, or a UUIDv7. */
  readonly id: string
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
  /** How many requests the event stands for; 1 unless equal refusals were merged. */
  readonly requests?: number
  readonly api_calls?: number
  readonly queries?: number
  readonly input_tokens?: number
  readonly output_tokens?: number
  readonly cached_tokens?: number
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
