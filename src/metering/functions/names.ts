/**
 * The functions in the database that write usage. Postgres caches their plans per connection
 * (docs/internals/decisions/0012-a-kept-plan.md). A changed statement is a new function: its migration increments the number,
 * and the old one stays for the previous release.
 */
export const FUNCTIONS = {
  recordVerifications: 'record_verifications_1',
  recordUsage: 'record_usage_3',
  completeRequests: 'complete_requests_2',
} as const

/** The fields that {@link FUNCTIONS.recordVerifications} reads of an event: it drops all others. */
export const READ_OF_VERIFICATIONS: ReadonlySet<string> = new Set([
  'source',
  'lane',
  'id',
  'organization_id',
  'occurred_at',
  'key_id',
  'user_id',
  'environment',
  'endpoint',
  'method',
  'status_code',
  'requests',
  'ip',
  'user_agent',
  'error_code',
  'error_message',
  'metadata',
  'api_calls',
  'trace',
])
