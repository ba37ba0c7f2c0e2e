import type { ManagementDeps } from '../../deps.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { mailFor } from '../../mail/outbox.ts'
import { addressInUse, confirmNewAddress, resetPassword, verifyAddress, welcome } from '../../mail/templates/account.ts'
import { render } from '../../mail/templates/render.tsx'
import { insertEmailToken } from './queries.ts'
import { EMAIL_TOKENS, type EmailPurpose, linkFor, newEmailToken } from './token.ts'

const TEMPLATES = { verify: verifyAddress, reset: resetPassword, change: confirmNewAddress } as const

/**
 * A token for an address, and the email that brings it there. Both belong into one batch; `send` is called after it.
 *
 * @param recipient the user, and the address that the token will prove
 * @param template what the email says, if not what is usual for the purpose
 * @returns `token` as its row
 */
export function tokenMail(
  deps: ManagementDeps,
  { userId, email }: { readonly userId: string; readonly email: string },
  purpose: EmailPurpose,
  template: (typeof TEMPLATES)[EmailPurpose] = TEMPLATES[purpose],
) {
  const { token, hash } = newEmailToken()
  const now = deps.now()
  const { PUBLIC_URL, SERVICE_NAME: service } = deps.config
  const content = template({ service, url: linkFor(PUBLIC_URL, purpose, token) })
  const row = {
    id: uuidv7(now),
    userId,
    purpose,
    tokenHash: hash,
    email,
    createdAt: new Date(now),
    expiresAt: new Date(now + EMAIL_TOKENS[purpose].lifetimeMs),
  }
  return { token: row, ...mailFor(deps, render(service, email, content)) }
}

/** A day: whoever gets an account does not wait for the email. Afterwards they ask for a new password. */
const WELCOME_MS = 24 * 3_600_000

/** The same for somebody who was given an account, with a link that sets its first password. */
export function welcomeMail(deps: ManagementDeps, recipient: { readonly userId: string; readonly email: string }) {
  const { token, hash } = newEmailToken()
  const now = deps.now()
  const { PUBLIC_URL, SERVICE_NAME: service } = deps.config
  const content = welcome({ service, url: linkFor(PUBLIC_URL, 'reset', token) })
  const row = {
    id: uuidv7(now),
    ...recipient,
    purpose: 'reset' as const,
    tokenHash: hash,
    createdAt: new Date(now),
    expiresAt: new Date(now + WELCOME_MS),
  }
  return { insertToken: insertEmailToken(deps.db, row), ...mailFor(deps, render(service, recipient.email, content)) }
}

/** Tells the owner of an address that somebody wants to use it once more. */
export function addressInUseMail(deps: ManagementDeps, email: string) {
  const service = deps.config.SERVICE_NAME
  return mailFor(deps, render(service, email, addressInUse({ service })))
}
