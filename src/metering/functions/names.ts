/**
 * The functions in the database that write usage. Postgres keeps their plans for the connection
 * (docs/internals/decisions/0012-a-kept-plan.md). A changed statement is another function: the number goes up with a migration,
 * and the former one stays for the release before.
 */
export const FUNCTIONS = {
  recordVerifications: 'record_verifications_1',
  recordUsage: 'record_usage_1',
  completeRequests: 'complete_requests_1',
} as const

/** What {@link FUNCTIONS.recordVerifications} reads of an event: it loses everything else. */
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
