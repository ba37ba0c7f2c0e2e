/** What the claims of a provider say of somebody. */
import type { OidcProvider, VerifiedBy } from '../../config-providers.ts'
import type { ProvidedIdentity } from '../../db/schema/identities.ts'
import { email } from '../../http/fields.ts'

const MAX_NAME = 200

/** Claims of an ID token or of the UserInfo endpoint (OpenID Connect Core 1.0 §5.1). */
interface Claims extends Readonly<Record<string, unknown>> {
  readonly sub: string
}

/** Whether claims tell both the address and whether it is confirmed. Some providers say so at the UserInfo endpoint alone. */
export const saysAddress = ({ verifiedBy }: Pick<OidcProvider, 'verifiedBy'>, claims: Claims): boolean =>
  claims.email !== undefined && (verifiedBy === 'issuer' || claims[verifiedBy] !== undefined)

/** The identity that claims describe. The address and what confirms it are of the same claims. */
export const toIdentity = (
  { issuer, verifiedBy }: Pick<OidcProvider, 'issuer' | 'verifiedBy'>,
  claims: Claims,
): ProvidedIdentity => ({
  issuer,
  subject: claims.sub,
  email: toEmail(claims.email),
  isEmailVerified: isVerified(verifiedBy, claims),
  name: toName(claims.name),
})

const isVerified = (verifiedBy: VerifiedBy, claims: Claims): boolean =>
  verifiedBy === 'issuer'
    ? claims.email_verified === undefined || isTrue(claims.email_verified)
    : isTrue(claims[verifiedBy])

/** Some providers write the flag as a text or a number. */
const isTrue = (value: unknown) => value === true || value === 'true' || value === 1 || value === '1'

/** @returns null for what is no address */
export const toEmail = (value: unknown): string | null => email.safeParse(value).data ?? null

/** One line of at most 200 characters. @returns null for none */
export function toName(value: unknown): string | null {
  if (typeof value !== 'string') return null
  return (
    value
      .replaceAll(/\p{Cc}/gu, ' ')
      .trim()
      .slice(0, MAX_NAME)
      .toWellFormed() || null
  )
}
