import type { ManagementDeps } from '../deps.ts'
import { mailFor } from './outbox.ts'
import { type NoticeKind, noticeFor } from './templates/notices.ts'
import { render } from './templates/render.tsx'

interface Addressee {
  readonly email: string
  readonly name: string | null
}

/**
 * A mail that tells an account's owner of a change: `insert` belongs into the batch of the change itself, `send` is called
 * after it.
 *
 * @param user as they are reached; when the address changes, the old one
 */
export function notice(deps: ManagementDeps, { email, name }: Addressee, kind: NoticeKind) {
  const service = deps.config.SERVICE_NAME
  const content = noticeFor(kind, { service, name, at: deps.now(), ip: deps.origin.ip })
  return mailFor(deps, render(service, email, content))
}
