/** Reads an identity from a provider's claims. */
import type { OidcProvider, VerifiedBy } from '../../config-providers.ts'
import type { ProvidedIdentity } from '../../db/schema/identities.ts'
import { email } from '../../http/fields.ts'

const MAX_NAME = 200

/** Claims of an ID token or of the UserInfo endpoint (OpenID Connect Core 1.0 §5.1). */
interface Claims extends Readonly<Record<string, unknown>> {
  readonly sub: string
}

/** Whether claims contain the address and whether it is confirmed. Some providers return that only at the UserInfo endpoint. */
export const saysAddress = ({ verifiedBy }: Pick<OidcProvider, 'verifiedBy'>, claims: Claims): boolean =>
  claims.email !== undefined && (verifiedBy === 'issuer' || claims[verifiedBy] !== undefined)

/** The identity that claims describe. The address and its confirmation come from the same claims. */
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

/** Some providers send the flag as text or a number. */
const isTrue = (value: unknown) => value === true || value === 'true' || value === 1 || value === '1'

/** @returns null if it is not an address */
export const toEmail = (value: unknown): string | null => email.safeParse(value).data ?? null

/** One line of at most 200 characters. @returns null if there is no text */
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
