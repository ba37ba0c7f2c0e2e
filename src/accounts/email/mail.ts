import type { ManagementDeps } from '../../deps.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { mailFor } from '../../mail/outbox.ts'
import { addressInUse, confirmNewAddress, resetPassword, verifyAddress, welcome } from '../../mail/templates/account.ts'
import { render } from '../../mail/templates/render.tsx'
import { insertEmailToken } from './queries.ts'
import { EMAIL_TOKENS, type EmailPurpose, linkFor, newEmailToken } from './token.ts'

const TEMPLATES = { verify: verifyAddress, reset: resetPassword, change: confirmNewAddress } as const

/**
 * Creates a token for an address, and the email that delivers it. Both belong in one batch; call `send` after it.
 *
 * @param recipient the user, and the address that the token will prove
 * @param template the content of the email, if not the default for the purpose
 * @returns the row of the token as `token`
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
  return { token: row, ...mailFor(deps, render(service, email, content), { urgent: true }) }
}

/** A day, because the recipient does not expect the email. Afterwards they can request a new password. */
const WELCOME_MS = 24 * 3_600_000

/** The same for a user whose account was created for them, with a link that sets its first password. */
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
  const mail = mailFor(deps, render(service, recipient.email, content), { urgent: true })
  return { insertToken: insertEmailToken(deps.db, row), ...mail }
}

/** Notifies the owner of an address that somebody tried to use it for another account. */
export function addressInUseMail(deps: ManagementDeps, email: string) {
  const service = deps.config.SERVICE_NAME
  return mailFor(deps, render(service, email, addressInUse({ service })))
}
