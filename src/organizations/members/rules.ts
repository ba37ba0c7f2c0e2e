import type { Role } from '../../auth/roles.ts'
import type { ProblemCode } from '../../problems.ts'

/** Everything that a change of a membership depends on. A role is null for a user who is not a member. */
export interface Standing {
  /** The role of the user who requests the change; that of an owner for the operator. */
  readonly actor: Role | null
  /** The role of the member to change. */
  readonly target: Role | null
  /** Whether the organization has the new role. True where there is none. */
  readonly isRole: boolean
  /**
   * Whether the actor manages members, and has all that the present and the new role of the member allow. Only owners have
   * what an owner has, so that they alone add, change and remove owners.
   */
  readonly mayChange: boolean
  /** Whether the organization has another owner than the target, whose account is enabled. */
  readonly hasOtherOwner: boolean
}

/**
 * Whether the actor may change a member's role or remove them. One active owner always remains. Anybody may leave.
 *
 * @param to the new role, null for none
 * @param isLeaving whether members end their own membership
 * @returns the first reason against it
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
