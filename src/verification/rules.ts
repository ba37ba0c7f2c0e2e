import { inRange } from '../lib/cidr.ts'
import type { Refusal, VerdictCode } from '../verdict-codes.ts'

/**
 * The HTTP status that an API should return for each verdict. 402 is only for prepaid credits: a used-up quota resets
 * with the next period. An outage is not a verdict; it is a problem with status 503.
 */
export const STATUS_BY_CODE = {
  VALID: 200,
  NOT_FOUND: 401,
  REVOKED: 401,
  DISABLED: 401,
  EXPIRED: 401,
  ORGANIZATION_SUSPENDED: 403,
  FORBIDDEN_IP: 403,
  INSUFFICIENT_SCOPE: 403,
  RATE_LIMITED: 429,
  QUOTA_EXCEEDED: 429,
  CREDITS_EXHAUSTED: 402,
} as const satisfies Record<VerdictCode, number>

/** Scopes that give power over Tollgate itself. `*` does not include them, and customers' ones must be granted by name. */
const RESERVED = /^(platform|tollgate):/

/** The parts of a key's record that the rules read. Times in Unix milliseconds. */
export interface KeyState {
  readonly isActive: boolean
  readonly revokedAt: number | undefined
  readonly expiresAt: number | undefined
  readonly suspended: boolean
  readonly allowedIps: readonly string[] | undefined
  readonly scopes: readonly string[]
}

export interface ScopeCheck {
  readonly scopes: readonly string[]
  readonly ip?: string | undefined
}

type Reason = (key: KeyState, check: ScopeCheck, now: number) => boolean

/** When each refusal applies to a key that exists. */
const REASONS: readonly (readonly [Refusal, Reason])[] = [
  ['REVOKED', ({ revokedAt }, _, now) => revokedAt !== undefined && revokedAt <= now],
  ['DISABLED', ({ isActive }) => !isActive],
  ['EXPIRED', ({ expiresAt }, _, now) => expiresAt !== undefined && expiresAt <= now],
  ['ORGANIZATION_SUSPENDED', ({ suspended }) => suspended],
  ['FORBIDDEN_IP', ({ allowedIps }, { ip }) => allowedIps !== undefined && !isAllowed(allowedIps, ip)],
  ['INSUFFICIENT_SCOPE', (key, { scopes }) => !scopes.every((scope) => holdsScope(key.scopes, scope))],
]

/**
 * Decides everything about a key that does not depend on counters. No I/O, no clock.
 *
 * A key may be revoked in the future (the grace period of a rotation). It stops working at that moment, as at its
 * expiry. A key with an IP allowlist is refused if the caller does not say where the request came from.
 *
 * @returns the first refusal that applies, or `undefined` if only limits and quotas are left to check
 */
export function findRefusal(key: KeyState | undefined, check: ScopeCheck, now: number): Refusal | undefined {
  if (!key) return 'NOT_FOUND'
  return REASONS.find(([, applies]) => applies(key, check, now))?.[0]
}

function isAllowed(ranges: readonly string[], ip: string | undefined): boolean {
  return ip !== undefined && ranges.some((range) => inRange(ip, range))
}

/** Whether a key's scopes cover a required one: by name, by `reports:*`, or, unless it is reserved, by `*`. */
export function holdsScope(held: readonly string[], needed: string): boolean {
  if (held.includes(needed)) return true
  const reserved = RESERVED.exec(needed)?.[1]
  if (reserved === 'tollgate') return false
  return held.some(
    (scope) => (scope === '*' && !reserved) || (scope.endsWith(':*') && needed.startsWith(scope.slice(0, -1))),
  )
}

/** Whether a scope gives power over Tollgate. Only a principal that holds such a scope may grant it. */
export function isReserved(scope: string): boolean {
  return RESERVED.test(scope)
}
