import type { TrustedIssuer } from '../../config-issuers.ts'
import { type ClaimPath, readClaim } from '../../lib/claim-path.ts'
import { BUILT_IN_ROLES, type BuiltInRole } from '../roles.ts'

/** How far the clock of an issuer may be ahead. It does not extend the expiry. */
export const CLOCK_TOLERANCE_SECONDS = 30

/** Why a token is refused, as the rest of a sentence that begins with "The token". */
const FLAWS = {
  forged: 'is not signed with a key and an algorithm of its issuer.',
  audience: 'is for another audience.',
  expired: 'has expired, or does not say when it does.',
  not_yet_valid: 'is not valid yet.',
  user: 'names no user in the configured claim.',
  organization: 'names no organization in the configured claim.',
  role: 'names no role that the configuration knows.',
} as const

export type TokenFlaw = keyof typeof FLAWS

export const describeTokenFlaw = (flaw: TokenFlaw) => `The token ${FLAWS[flaw]}`

/** The claims of a trusted issuer's token that are used here. */
export interface IssuerClaims {
  readonly issuer: string
  /** The issuer's id of the user. */
  readonly subject: string
  /** The organization's `external_id`. */
  readonly externalId: string
  readonly role: BuiltInRole
}

/** The registered claims that are checked (RFC 7519 §4.1), in seconds. Other claims are present as well. */
interface Payload {
  readonly exp?: number | undefined
  readonly iat?: number | undefined
}

/**
 * Checks a token whose signature and issuer are already verified: whether it is for this deployment and currently valid, and whom it names.
 *
 * @param at Unix milliseconds
 * @returns the reason if it is refused
 */
export function judgeClaims(issuer: TrustedIssuer, payload: Payload, at: number): IssuerClaims | TokenFlaw {
  const audience = listTexts(readClaim(payload, issuer.audience_claim))
  if (!audience.some((one) => issuer.audience.includes(one))) return 'audience'
  return findTimeFlaw(payload, at) ?? readNames(issuer, payload)
}

/** The tolerance applies only to start times. */
function findTimeFlaw({ exp, iat }: Payload, at: number): TokenFlaw | undefined {
  if (exp === undefined || at >= exp * 1000) return 'expired'
  return iat !== undefined && iat * 1000 > at + CLOCK_TOLERANCE_SECONDS * 1000 ? 'not_yet_valid' : undefined
}

function readNames(issuer: TrustedIssuer, payload: Payload): IssuerClaims | TokenFlaw {
  const subject = readName(payload, issuer.user_claim)
  if (subject === undefined) return 'user'
  const externalId = readName(payload, issuer.organization_claim)
  if (externalId === undefined) return 'organization'
  const role = readRole(issuer, payload)
  return role ? { issuer: issuer.issuer, subject, externalId, role } : 'role'
}

/** A name that can be stored and compared: not empty, no control characters, no lone surrogates. */
const NAME = /^[^\p{Cc}\p{Cs}]{1,255}$/u

function readName(payload: Payload, path: ClaimPath): string | undefined {
  const value = readClaim(payload, path)
  return typeof value === 'string' && NAME.test(value) ? value : undefined
}

/** The highest of the roles that a token names; an unmapped role gives none. */
function readRole({ role_claim, roles = {}, default_role }: TrustedIssuer, payload: Payload): BuiltInRole | undefined {
  const value = role_claim && readClaim(payload, role_claim)
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return default_role
  const held = new Set(listTexts(value).map((name) => (Object.hasOwn(roles, name) ? roles[name] : undefined)))
  return BUILT_IN_ROLES.findLast((role) => held.has(role))
}

/** A text, or the texts of a list (RFC 7519 §4.1.3); none for anything else. */
const listTexts = (value: unknown) => [value].flat().filter((one): one is string => typeof one === 'string')
