import { type Role, roleMay } from '../../auth/roles.ts'
import type { ProblemCode } from '../../problems.ts'

/** What a change of a membership depends on; a role is null for somebody who is no member. */
export interface Standing {
  /** Of whoever asks for it. */
  readonly actor: Role | null
  /** Of whom it is about. */
  readonly target: Role | null
  /** Whether the organization has an owner besides the target, whose account is not disabled. */
  readonly hasOtherOwner: boolean
}

/**
 * Whether somebody may give a member another role, or take them out. Owners are made, changed and removed by owners
 * alone, and one who can act always remains. Anybody may leave.
 *
 * @param to the new role, null for none
 * @param isLeaving whether it is one's own membership that ends
 * @returns why not, the first reason that applies
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
