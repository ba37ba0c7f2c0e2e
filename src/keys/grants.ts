/** The rights that somebody who issues, changes, rotates or imports a key may give it. */

import { organizationFor } from '../auth/organization-access.ts'
import { requirePresence } from '../auth/presence.ts'
import type { KeyBounds, KeyPrincipal, Principal } from '../auth/principal.ts'
import { parsePermission, scopeFor } from '../auth/roles.ts'
import { isPlatformScope, isServiceKey } from '../auth/service-scopes.ts'
import type { NamedLimit } from '../db/schema/shapes.ts'
import type { ManagementDeps } from '../deps.ts'
import { isWithin } from '../lib/cidr.ts'
import { isAsTight } from '../limits/key-limits.ts'
import { Problem } from '../problems.ts'
import { holdsScope, isReserved } from '../verification/rules.ts'
import { type KeyView, selectKeyAllowance } from './queries.ts'

/** An organization's limits for its keys. */
export interface Allowance {
  readonly organizationId: string
  readonly isPlatform: boolean
  /** The organization's own, in units a minute. */
  readonly rateLimit: number
  readonly maxKeys: number
  /** Whether administrators of this deployment need a second factor. */
  readonly needsTwoFactor: boolean
  /** When this was read, in Unix milliseconds. */
  readonly now: number
}

/** The requested properties of a key. Undefined ones are not changed. */
interface KeyRequest {
  readonly scopes?: readonly string[] | undefined
  readonly custom_rate_limit?: number | null | undefined
  readonly expires_at?: string | null | undefined
  readonly allowed_ips?: readonly string[] | null | undefined
  readonly environment?: 'live' | 'test' | undefined
  readonly limits?: readonly NamedLimit[] | undefined
  readonly max_concurrent?: number | null | undefined
}

/** @throws Problem `organization_not_found` */
export async function selectAllowance(deps: ManagementDeps, organizationId: string): Promise<Allowance> {
  const row = await selectKeyAllowance(deps.db, organizationId)
  if (!row) throw new Problem('organization_not_found')
  const { is_platform: isPlatform, rate_limit: rateLimit, max_api_keys: maxKeys } = row
  const needsTwoFactor = deps.config.ADMIN_REQUIRES_TWO_FACTOR
  return { organizationId, isPlatform, rateLimit, maxKeys, needsTwoFactor, now: deps.now() }
}

const isAdministrator = (principal: Principal) => principal.kind === 'user' && principal.isAdministrator

/** Whether a principal acts for the deployment: an administrator, or a service key that passed the guard. */
export const isOperator = (principal: Principal) => principal.kind === 'service' || isAdministrator(principal)

/**
 * Nobody grants rights they do not have: scopes over Tollgate need the matching permission, `platform:` scopes an
 * administrator who is present and the platform organization; a rate limit above the organization's own needs the operator. A key or a
 * portal session gives no more than it has itself: see `requireWithinBounds`. An expiry must be in the future.
 *
 * @param where the place of the requested key in the request
 * @throws Problem `forbidden`, `rate_limit_above_plan`, `invalid_request`, `reauthentication_required`
 */
export function requireGrantable(
  requested: KeyRequest,
  { principal, allowance, now }: { principal: Principal; allowance: Allowance; now: number },
  where = 'body',
): void {
  if (requested.expires_at && Date.parse(requested.expires_at) <= now) {
    throw new Problem('invalid_request', {
      errors: [{ path: `${where}.expires_at`, message: 'must lie in the future' }],
    })
  }
  requireHeldScopes(principal, allowance, requested.scopes ?? [])
  if (principal.kind === 'key') requireWithinBounds(principal, requested)
  if ((requested.custom_rate_limit ?? 0) > allowance.rateLimit && !isOperator(principal))
    throw new Problem('rate_limit_above_plan')
}

/** @throws Problem `two_factor_required` */
function requireSecondFactor(principal: Principal, { needsTwoFactor }: Allowance): void {
  if (needsTwoFactor && principal.kind === 'user' && !principal.hasTwoFactor) throw new Problem('two_factor_required')
}

/**
 * Only administrators change and revoke a service key: somebody who could remove its address restriction, or enable it
 * again, would have its power.
 *
 * @param row the key's current row
 * @throws Problem `forbidden`, `two_factor_required`
 */
export function requireMayManage(
  principal: Principal,
  allowance: Allowance,
  { scopes }: Pick<KeyView, 'scopes'>,
): void {
  if (!allowance.isPlatform || !isServiceKey(scopes)) return
  if (!isAdministrator(principal))
    throw new Problem('forbidden', { detail: 'Only administrators manage service keys.' })
  requireSecondFactor(principal, allowance)
}

/** The same for changes. @throws Problem `reauthentication_required`, too, because a service key outlives the access token */
export function requireMayChange(principal: Principal, allowance: Allowance, row: Pick<KeyView, 'scopes'>): void {
  requireMayManage(principal, allowance, row)
  if (allowance.isPlatform && isServiceKey(row.scopes)) requirePresence(principal, allowance.now, WHERE_TO_PROVE)
}

const WHERE_TO_PROVE =
  'You signed in too long ago for this. Sign in again, or use /admin/service-keys, which takes your password, or a code of your second factor.'

/** @throws Problem `forbidden`, `two_factor_required`, `reauthentication_required` */
function requireHeldScopes(principal: Principal, allowance: Allowance, scopes: readonly string[]): void {
  for (const scope of scopes.filter(isReserved)) {
    const permission = parsePermission(scope)
    if (permission) organizationFor(principal, permission, allowance.organizationId)
    else if (!allowance.isPlatform || !isAdministrator(principal) || !isPlatformScope(scope))
      throw new Problem('forbidden', { detail: `You cannot grant the scope ${scope}.` })
    else {
      requireSecondFactor(principal, allowance)
      requirePresence(principal, allowance.now, WHERE_TO_PROVE)
    }
  }
  const held = listHeld(principal)
  const unheld = held && scopes.find((scope) => !holdsScope(held, scope))
  if (unheld !== undefined) throw beyond(`the scope ${unheld}`)
}

/** The scopes that limit what a principal can give; `undefined` for people and operators, who are limited by permissions. */
function listHeld(principal: Principal): readonly string[] | undefined {
  if (principal.kind === 'key') return principal.scopes
  return principal.kind === 'portal' ? principal.scopes.flatMap((permission) => scopeFor(permission) ?? []) : undefined
}

/**
 * A new key inherits the restrictions of the key that creates it, unless the request sets them: addresses, expiry, its own
 * rate limit, its other limits and its concurrency.
 */
export function withBounds<W extends KeyRequest>(principal: Principal, requested: W): W {
  if (principal.kind !== 'key') return requested
  const { allowedIps, expiresAt, customRateLimit, limits, maxConcurrent } = principal.bounds
  return {
    ...requested,
    ...(requested.allowed_ips === undefined && { allowed_ips: allowedIps && [...allowedIps] }),
    ...(requested.expires_at === undefined && { expires_at: expiresAt }),
    ...(requested.custom_rate_limit === undefined && { custom_rate_limit: customRateLimit }),
    ...(requested.limits?.length === 0 && { limits: [...limits] }),
    ...(requested.max_concurrent === undefined && { max_concurrent: maxConcurrent }),
  }
}

/**
 * A key cannot create a key with fewer restrictions than its own: for more addresses, a longer time, a higher rate, or the live
 * environment if it is a test key. Otherwise its holder could get all that with one more request.
 *
 * @throws Problem `forbidden`
 */
function requireWithinBounds({ bounds }: KeyPrincipal, requested: KeyRequest): void {
  const lacking = EXCESSES.find(([, exceeds]) => exceeds(bounds, requested))
  if (lacking) throw beyond(lacking[0])
}

/** Requests that exceed a key's restrictions. Undefined fields are not changed. */
const EXCESSES: readonly (readonly [what: string, exceeds: (bounds: KeyBounds, requested: KeyRequest) => boolean])[] = [
  ['the live environment', (bounds, requested) => bounds.environment === 'test' && requested.environment === 'live'],
  [
    'other addresses',
    ({ allowedIps }, requested) =>
      allowedIps !== null && requested.allowed_ips !== undefined && !areWithin(requested.allowed_ips, allowedIps),
  ],
  [
    'a later expiry',
    ({ expiresAt }, requested) =>
      expiresAt !== null && requested.expires_at !== undefined && isLater(requested.expires_at, expiresAt),
  ],
  [
    'a higher rate limit',
    ({ customRateLimit }, requested) =>
      customRateLimit !== null &&
      requested.custom_rate_limit !== undefined &&
      (requested.custom_rate_limit ?? Number.POSITIVE_INFINITY) > customRateLimit,
  ],
  [
    'wider named limits',
    (bounds, { limits }) =>
      limits !== undefined && !bounds.limits.every((outer) => limits.some((one) => isAsTight(one, outer))),
  ],
  [
    'more concurrent holds',
    ({ maxConcurrent }, { max_concurrent }) =>
      maxConcurrent !== null &&
      max_concurrent !== undefined &&
      (max_concurrent ?? Number.POSITIVE_INFINITY) > maxConcurrent,
  ],
]

const areWithin = (ranges: readonly string[] | null, outer: readonly string[]) =>
  ranges?.every((range) => outer.some((one) => isWithin(range, one))) ?? false

const isLater = (one: string | null, other: string) => one === null || Date.parse(one) > Date.parse(other)

const beyond = (what: string) =>
  new Problem('forbidden', { detail: `A key gives no more than it has itself; this one lacks ${what}.` })

/** Required of anyone who rotates a key: its successor's secret has all rights of the key. @throws Problem `forbidden` */
export function requireRotatable(principal: Principal, allowance: Allowance, row: KeyView): void {
  if (principal.kind === 'key' && principal.keyId === row.id) return
  requireHeldScopes(principal, allowance, row.scopes)
  if (principal.kind !== 'key') return
  const { environment, allowedIps, customRateLimit, limits, maxConcurrent } = row
  const expires_at = row.expiresAt?.toISOString() ?? null
  requireWithinBounds(principal, {
    environment,
    expires_at,
    allowed_ips: allowedIps,
    custom_rate_limit: customRateLimit,
    limits,
    max_concurrent: maxConcurrent,
  })
}
