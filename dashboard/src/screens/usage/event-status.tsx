import type { StoredUsageEvent } from '../../api/types.ts'
import { Status } from '../../ui/badge.tsx'

/** A status of an event, as the analytics counts it: from 400 on, or with an error code, it failed. One that was voided counts nowhere. */
export function EventStatus({ event }: { readonly event: StoredUsageEvent }) {
  if (event.correction?.void) return <Status kind="off">Void</Status>
  const code = event.status_code || ''
  const isFailed = event.status_code >= 400 || event.error_code !== null
  if (!isFailed) return code ? <Status kind="good">{code}</Status> : <span className="text-muted">–</span>
  return <Status kind={event.status_code < 500 && event.status_code >= 400 ? 'warn' : 'bad'}>{code || 'Failed'}</Status>
}
