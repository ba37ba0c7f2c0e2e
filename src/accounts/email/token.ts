import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'

const MINUTE = 60_000

/**
 * The lifetime of each kind of email token, and the page that its link opens. A reset is out-of-band authentication,
 * so its token is equally short-lived (ASVS 6.5.5).
 */
export const EMAIL_TOKENS = {
  verify: { lifetimeMs: 24 * 60 * MINUTE, page: '/account/verify-email' },
  reset: { lifetimeMs: 10 * MINUTE, page: '/account/reset-password' },
  change: { lifetimeMs: 60 * MINUTE, page: '/account/confirm-email' },
} as const

export type EmailPurpose = keyof typeof EMAIL_TOKENS

/** @returns 256 bits from a CSPRNG, used only in the email, and their SHA-256, which is stored */
export function newEmailToken(): { token: string; hash: Uint8Array } {
  const token = `et_${base64url(randomBytes(32))}`
  return { token, hash: sha256(token) }
}

/** The link in an email. The token is in the fragment, so no server, log or Referer header contains it (ASVS 14.2.1). */
export function linkFor(publicUrl: string, purpose: EmailPurpose, token: string): string {
  return pageLink(publicUrl, EMAIL_TOKENS[purpose].page, token)
}

/** The same for tokens that do not belong to an account. */
export function pageLink(publicUrl: string, page: string, token: string): string {
  return `${publicUrl}${page}#token=${token}`
}
