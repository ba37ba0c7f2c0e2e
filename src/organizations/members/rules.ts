import { type Role, roleMay } from '../../auth/roles.ts'
import type { ProblemCode } from '../../problems.ts'

/** Everything that a change of a membership depends on. A role is null for a user who is not a member. */
export interface Standing {
  /** The role of the user who requests the change; that of an owner for the operator. */
  readonly actor: Role | null
  /** The role of the member to change. */
  readonly target: Role | null
  /** Whether the organization has another owner than the target, whose account is enabled. */
  readonly hasOtherOwner: boolean
}

/**
 * Whether the actor may change a member's role or remove them. Only owners may add, change and remove owners, and one
 * active owner always remains. Anybody may leave.
 *
 * @param to the new role, null for none
 * @param isLeaving whether members end their own membership
 * @returns the first reason against it
 */
export function findRefusal(
  { actor, target, hasOtherOwner }: Standing,
  to: Role | null,
  isLeaving = false,
): ProblemCode | undefined {
  if (!actor) return 'organization_not_found'
  if (!target) return 'member_not_found'
  if (!isLeaving && !roleMay(actor, permissionFor(target, to))) return 'forbidden'
  const isLosingAnOwner = target === 'owner' && to !== 'owner'
  return isLosingAnOwner && !hasOtherOwner ? 'last_owner' : undefined
}

const permissionFor = (from: Role, to: Role | null) =>
  from === 'owner' || to === 'owner' ? 'owners:write' : 'members:write'
