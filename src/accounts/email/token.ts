import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'

const MINUTE = 60_000

/**
 * What a token that was sent by email is good for: how long, and on which page its link opens. A reset is a way to sign
 * in out of band, so it lives as short as those (ASVS 6.5.5).
 */
export const EMAIL_TOKENS = {
  verify: { lifetimeMs: 24 * 60 * MINUTE, page: '/account/verify-email' },
  reset: { lifetimeMs: 10 * MINUTE, page: '/account/reset-password' },
  change: { lifetimeMs: 60 * MINUTE, page: '/account/confirm-email' },
} as const

export type EmailPurpose = keyof typeof EMAIL_TOKENS

/** @returns 256 bits from a CSPRNG, for the mail alone, and the SHA-256 that is stored */
export function newEmailToken(): { token: string; hash: Uint8Array } {
  const token = `et_${base64url(randomBytes(32))}`
  return { token, hash: sha256(token) }
}

/** Where a mail sends its reader. The token is in the fragment: no server, log or referrer sees it (ASVS 14.2.1). */
export function linkFor(publicUrl: string, purpose: EmailPurpose, token: string): string {
  return pageLink(publicUrl, EMAIL_TOKENS[purpose].page, token)
}

/** The same for tokens that are not of an account. */
export function pageLink(publicUrl: string, page: string, token: string): string {
  return `${publicUrl}${page}#token=${token}`
}
