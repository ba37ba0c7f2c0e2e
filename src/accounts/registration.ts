import type { Config } from '../config.ts'
import { emailDomain } from '../lib/email-address.ts'
import { Problem } from '../problems.ts'

type Settings = Pick<Config, 'REGISTRATION' | 'REGISTRATION_DOMAINS'>

/**
 * Whether an address may have an account made by itself. Decided by the settings and the address alone, before any account
 * is looked for: a refusal says nothing of whether there is one. With `invitation` an account is made where the invitation
 * is accepted (organizations/invitations/accept.ts).
 *
 * @throws Problem `registration_closed`, `registration_domain_not_allowed`
 */
export function requireMayRegister(settings: Settings, email: string): void {
  if (settings.REGISTRATION === 'invitation') throw new Problem('registration_closed')
  requireDomain(settings, email)
}

/** The same as a question. */
export const mayRegister = (settings: Settings, email: string): boolean =>
  settings.REGISTRATION !== 'invitation' && isDomainAllowed(settings, email)

/**
 * Whether an address may have an account at all: an invitation opens no other domain, since anybody with an account can
 * send one.
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

/** Whether whoever has proved to be the owner of an account may sign in to it. */
export const isAdmitted = ({ EMAIL_VERIFICATION }: Config, { isActive, emailVerifiedAt }: Account): boolean =>
  isActive && (EMAIL_VERIFICATION !== 'required' || emailVerifiedAt !== null)
