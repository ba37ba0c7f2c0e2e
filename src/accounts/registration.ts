import type { Config } from '../config.ts'
import { emailDomain } from '../lib/email-address.ts'
import { Problem } from '../problems.ts'

type Settings = Pick<Config, 'REGISTRATION' | 'REGISTRATION_DOMAINS'>

/**
 * Requires that an address may register without an invitation. Decided only from the settings and the address, before looking
 * for an account: a refusal does not reveal whether there is one. With `invitation`, accepting an invitation creates the
 * account (organizations/invitations/accept.ts).
 *
 * @throws Problem `registration_closed`, `registration_domain_not_allowed`
 */
export function requireMayRegister(settings: Settings, email: string): void {
  if (settings.REGISTRATION === 'invitation') throw new Problem('registration_closed')
  requireDomain(settings, email)
}

/** The same as a condition. */
export const mayRegister = (settings: Settings, email: string): boolean =>
  settings.REGISTRATION !== 'invitation' && isDomainAllowed(settings, email)

/**
 * Requires that an address may have an account at all: an invitation does not admit other domains, because anybody with an
 * account can send one.
 *
 * @throws Problem `registration_domain_not_allowed`
 */
export function requireDomain(settings: Settings, email: string): void {
  if (!isDomainAllowed(settings, email)) throw new Problem('registration_domain_not_allowed')
}

const isDomainAllowed = ({ REGISTRATION, REGISTRATION_DOMAINS }: Settings, email: string): boolean =>
  REGISTRATION !== 'domains' || REGISTRATION_DOMAINS.includes(emailDomain(email))

interface Account {
  readonly isActive: boolean
  readonly emailVerifiedAt: Date | null
}

/** Whether the proven owner of an account may sign in to it. */
export const isAdmitted = ({ EMAIL_VERIFICATION }: Config, { isActive, emailVerifiedAt }: Account): boolean =>
  isActive && (EMAIL_VERIFICATION !== 'required' || emailVerifiedAt !== null)
