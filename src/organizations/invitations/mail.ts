import { newEmailToken, pageLink } from '../../accounts/email/token.ts'
import type { Role } from '../../auth/roles.ts'
import type { ManagementDeps } from '../../deps.ts'
import { mailFor } from '../../mail/outbox.ts'
import { invitation } from '../../mail/templates/organization.ts'
import { render } from '../../mail/templates/render.tsx'

/** The lifetime of an invitation. */
const LIFETIME_MS = 7 * 24 * 3_600_000
const PAGE = '/account/accept-invitation'

interface Offer {
  readonly email: string
  readonly role: Role
  readonly organization: string
  readonly inviter: string | null | undefined
}

/** Creates an invitation's token and the email that delivers it. Both belong in one batch; call `send` after the batch. */
export function invitationMail(deps: ManagementDeps, { email, role, organization, inviter }: Offer) {
  const { PUBLIC_URL, SERVICE_NAME: service } = deps.config
  const { token, hash } = newEmailToken()
  const now = deps.now()
  const content = invitation({ service, organization, role, inviter, url: pageLink(PUBLIC_URL, PAGE, token) })
  return {
    tokenHash: hash,
    createdAt: new Date(now),
    expiresAt: new Date(now + LIFETIME_MS),
    ...mailFor(deps, render(service, email, content), { urgent: true }),
  }
}
