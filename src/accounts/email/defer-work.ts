import type { ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'

/** Runs work after the response that depends on whether an address has an account, so that timing does not reveal it. */
export function deferWork(deps: ManagementDeps, work: () => Promise<void>): void {
  deps.defer(
    work().catch((error) =>
      log('error', 'mail_request_failed', {
        request_id: deps.origin.requestId,
        trace_id: deps.origin.traceId,
        ...errorFields(error),
      }),
    ),
  )
}
