import * as z from 'zod'
import { ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import { uuid } from '../http/fields.ts'
import type { TokenVerdict } from '../rpc-types.ts'
import { loadSession } from './load-session.ts'
import type { UserPrincipal } from './principal.ts'
import { IDLE_WHILE_SUSPENDED, PERMISSIONS, roleMay } from './roles.ts'

export const TokenInput = z.strictObject({
  token: z.string().min(1).max(8_192),
  /** Defaults to the token's active organization. */
  organization_id: uuid.optional(),
  /** The permission that the user must have there. */
  permission: z.enum(PERMISSIONS).optional(),
})

/**
 * Checks whose access token this is, with current data. It is refused if its session ended, if the user was disabled,
 * or if the user is no longer a member of the given organization.
 *
 * @throws Problem `unavailable` when the database does not answer, so that a valid token is not reported as invalid
 */
export async function verifyToken(
  deps: Deps,
  { token, organization_id, permission }: z.output<typeof TokenInput>,
  requestId: string,
): Promise<TokenVerdict> {
  const origin = { requestId, ip: undefined, userAgent: undefined }
  const user = await loadSession({ ...deps, db: ormOver(deps.sql), origin }, token)
  if (!user) return { valid: false, code: 'UNAUTHENTICATED', request_id: requestId }
  const asked = { organizationId: organization_id?.toLowerCase() ?? user.organizationId, permission }
  if ((permission ?? organization_id) && !isAllowed(user, asked)) {
    return { valid: false, code: 'FORBIDDEN', request_id: requestId }
  }
  return { valid: true, code: 'VALID', request_id: requestId, ...about(user, asked.organizationId) }
}

const membershipIn = (user: UserPrincipal, organizationId: string | null) =>
  user.memberships.find((one) => one.organization_id === organizationId)

function about(user: UserPrincipal, organizationId: string | null) {
  const membership = membershipIn(user, organizationId)
  return {
    user_id: user.userId,
    session_id: user.sessionId,
    organization_id: membership?.organization_id ?? null,
    role: membership?.role ?? null,
    organization_suspended: membership?.is_suspended ?? false,
    impersonator_id: user.impersonatorId,
    is_administrator: user.isAdministrator,
  }
}

interface TokenCheck {
  readonly organizationId: string | null
  readonly permission: (typeof PERMISSIONS)[number] | undefined
}

/** Whether the user is a member and, if a permission is given, has it. Tollgate's own guard decides the same way. */
function isAllowed(user: UserPrincipal, { organizationId, permission }: TokenCheck): boolean {
  const membership = membershipIn(user, organizationId)
  if (!membership || !permission) return membership !== undefined
  const isIdle = membership.is_suspended && IDLE_WHILE_SUSPENDED.includes(permission)
  return !isIdle && roleMay(membership.role, permission)
}
