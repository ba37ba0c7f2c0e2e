import type { ManagementDeps } from '../deps.ts'
import { mailFor } from './outbox.ts'
import { type NoticeKind, noticeFor } from './templates/notices.ts'
import { render } from './templates/render.tsx'

interface Addressee {
  readonly email: string
  readonly name: string | null
}

/**
 * An email that notifies an account's owner of a change: `insert` belongs in the batch of the change itself, `send` is
 * called after it.
 *
 * @param user the recipient; for a change of address, with the old one
 */
export function notice(deps: ManagementDeps, { email, name }: Addressee, kind: NoticeKind) {
  const service = deps.config.SERVICE_NAME
  const content = noticeFor(kind, { service, name, at: deps.now(), ip: deps.origin.ip })
  return mailFor(deps, render(service, email, content))
}
