import * as z from 'zod'
import { type Database, ormOver } from '../db/orm.ts'
import type { Deps, ManagementDeps } from '../deps.ts'
import { organizationRef } from '../http/fields.ts'
import type { RefusedToken, TokenVerdict } from '../rpc-types.ts'
import { loadExternal } from './issuers/load-external.ts'
import { findIssuer } from './issuers/verify.ts'
import { loadSession } from './load-session.ts'
import { resolveOrganization } from './named-organization.ts'
import { findUnmet } from './organization-access.ts'
import type { ExternalPrincipal, Membership, UserPrincipal } from './principal.ts'
import { IDLE_WHILE_SUSPENDED, isForKeys, PERMISSIONS, type Permission, ROLES } from './roles.ts'

export const TokenInput = z.strictObject({
  token: z.string().min(1).max(8_192),
  /** Defaults to the token's active organization. */
  ...organizationRef,
  /** The permission that the user must have there. */
  permission: z.enum(PERMISSIONS).optional(),
})

/**
 * Identifies the user of an access token, with current data. It is refused if its session ended, if the user was disabled,
 * or if the user is no longer a member of the given organization, or does not meet its requirements. If the check names no
 * organization, such a user is described without one. A token of a trusted issuer represents a member of the
 * organization that it names.
 *
 * @throws Problem `organization_not_found`, `organization_mismatch` as {@link resolveOrganization}; `unavailable` when the
 *   database does not respond and `issuer_unavailable` when the issuer does not, so that a valid token is not reported as
 *   invalid
 */
export async function verifyToken(
  deps: Deps,
  { token, permission, ...names }: z.output<typeof TokenInput>,
  requestId: string,
): Promise<TokenVerdict> {
  const origin = { requestId, ip: undefined, userAgent: undefined }
  const db = ormOver(deps.sql)
  const user = await loadUser({ ...deps, db, origin }, token)
  if (typeof user === 'string') return refuseToken(user, requestId)
  const named = await nameOrganization(db, names)
  const organizationId = named ?? user.organizationId
  const isAsked = named !== undefined || permission !== undefined
  if (isAsked && !isAllowed(user, { organizationId, permission })) return refuseToken('FORBIDDEN', requestId)
  return { valid: true, code: 'VALID', request_id: requestId, ...describeUser(user, organizationId) }
}

function nameOrganization(db: Database, names: Pick<z.output<typeof TokenInput>, 'organization_id' | 'external_id'>) {
  const { organization_id: organizationId, external_id: externalId } = names
  return resolveOrganization(db, { where: 'body', organizationId, externalId })
}

const refuseToken = (code: RefusedToken['code'], requestId: string): RefusedToken => ({
  valid: false,
  code,
  request_id: requestId,
})

type TokenUser = UserPrincipal | ExternalPrincipal

/** The user of a token, or the code of its refusal. */
async function loadUser(deps: ManagementDeps, token: string): Promise<TokenUser | RefusedToken['code']> {
  const issuer = findIssuer(deps.config, token)
  if (!issuer) return (await loadSession(deps, token)) ?? 'UNAUTHENTICATED'
  const user = await loadExternal(deps, issuer, token)
  if (typeof user !== 'string') return user
  return user === 'organization_unknown' ? 'FORBIDDEN' : 'UNAUTHENTICATED'
}

/** A user of another issuer always meets the organization's requirements: their issuer enforces its own. */
type Seat = Pick<Membership, 'organization_id' | 'role' | 'permissions' | 'is_suspended'>

/** @returns undefined also for a member who does not meet the organization's requirements, and so has no rights there */
function findMetMembership(user: TokenUser, organizationId: string | null): Seat | undefined {
  if (user.kind === 'user' && findUnmet(user, organizationId)) return undefined
  if (user.kind === 'user') return user.memberships.find((one) => one.organization_id === organizationId)
  const { organizationId: organization_id, role, isSuspended: is_suspended } = user
  const permissions = ROLES[role]
  return organization_id === organizationId ? { organization_id, role, permissions, is_suspended } : undefined
}

function describeUser(user: TokenUser, organizationId: string | null) {
  const membership = findMetMembership(user, organizationId)
  return {
    ...(user.kind === 'user' ? describeOwn(user) : describeExternal(user)),
    organization_id: membership?.organization_id ?? null,
    role: membership?.role ?? null,
    organization_suspended: membership?.is_suspended ?? false,
  }
}

const describeOwn = ({ userId, sessionId, impersonatorId, isAdministrator }: UserPrincipal) => ({
  user_id: userId,
  session_id: sessionId,
  impersonator_id: impersonatorId,
  is_administrator: isAdministrator,
  issuer: null,
})

const describeExternal = ({ subject, issuer }: ExternalPrincipal) => ({
  user_id: subject,
  session_id: null,
  impersonator_id: null,
  is_administrator: false,
  issuer,
})

interface TokenCheck {
  readonly organizationId: string | null
  readonly permission: Permission | undefined
}

/** Whether the user is a member and, if a permission is given, has it. Tollgate's own guard decides the same way. */
function isAllowed(user: TokenUser, { organizationId, permission }: TokenCheck): boolean {
  const membership = findMetMembership(user, organizationId)
  if (!membership || !permission) return membership !== undefined
  const isIdle = membership.is_suspended && IDLE_WHILE_SUSPENDED.includes(permission)
  const isForThem = user.kind === 'user' || isForKeys(permission)
  return !isIdle && isForThem && membership.permissions.includes(permission)
}
