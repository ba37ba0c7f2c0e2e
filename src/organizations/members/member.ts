import type * as z from 'zod'
import { actsAsOperator } from '../../auth/organization-access.ts'
import type { Manager } from '../../auth/principal.ts'
import type { Member } from '../schemas.ts'
import type { MemberView } from './queries.ts'

/** Serializes a member. @param isForManagers whether the reader may know who lacks a second factor */
export function toMember(row: MemberView, isForManagers: boolean): z.output<typeof Member> {
  return {
    user_id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    is_active: row.isActive,
    two_factor_enabled: isForManagers ? row.hasTwoFactor : null,
    created_at: row.createdAt.toISOString(),
  }
}

/** Whether the caller manages the members of an organization. */
export function managesMembers(manager: Manager, organizationId: string): boolean {
  if (manager.kind === 'service' || actsAsOperator(manager, 'members:write', organizationId)) return true
  const membership = manager.memberships.find((one) => one.organization_id === organizationId)
  return membership?.permissions.includes('members:write') ?? false
}
