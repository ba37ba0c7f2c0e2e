import type { Role } from '../../auth/roles.ts'
import type { ProblemCode } from '../../problems.ts'

/** Everything that a change of a membership depends on. A role is null for a user who is not a member. */
export interface Standing {
  /** The role of the user who requests the change; `owner` for the operator. */
  readonly actor: Role | null
  /** The role of the member to change. */
  readonly target: Role | null
  /** Whether the organization has the new role. True if there is no new role. */
  readonly isRole: boolean
  /**
   * Whether the actor manages members, and has all permissions of the member's current and new role. Only owners have an
   * owner's permissions, so only they can add, change and remove owners.
   */
  readonly mayChange: boolean
  /** Whether the organization has another owner besides the target, with an enabled account. */
  readonly hasOtherOwner: boolean
}

/**
 * Whether the actor may change a member's role or remove them. One active owner always remains. Anybody may leave.
 *
 * @param to the new role, null for none
 * @param isLeaving whether the member ends their own membership
 * @returns the first reason to refuse
 */
export function findRefusal(
  { actor, target, isRole, mayChange, hasOtherOwner }: Standing,
  to: Role | null,
  isLeaving = false,
): ProblemCode | undefined {
  if (!actor) return 'organization_not_found'
  if (!target) return 'member_not_found'
  if (!isRole) return 'role_not_found'
  if (!isLeaving && !mayChange) return 'forbidden'
  const isLosingAnOwner = target === 'owner' && to !== 'owner'
  return isLosingAnOwner && !hasOtherOwner ? 'last_owner' : undefined
}
