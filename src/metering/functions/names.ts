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
