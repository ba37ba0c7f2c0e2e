import type * as z from 'zod'
import { findUnmet, type Requirement } from '../auth/organization-access.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { permissionsOfRole } from '../auth/roles.ts'
import type { Config } from '../config.ts'
import { toFamily } from '../db/plan-version.ts'
import { FIRST_PLAN } from '../db/schema/shapes.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { type Profile, selectProfile } from './queries.ts'
import type { User } from './schemas.ts'

/** Reads a signed-in user's own profile. @throws Problem `unauthenticated` if another request deleted the account */
export async function getOwnProfile(deps: ManagementDeps, user: UserPrincipal): Promise<z.output<typeof User>> {
  const profile = await selectProfile(deps.db, user.userId, user.organizationId)
  return toUser(deps.config, profile, findUnmet(user, user.organizationId))
}

/** Serializes a profile. @param unmet the active organization's requirement that they do not meet */
export function toUser(
  { EMAIL_VERIFICATION }: Config,
  profile: Profile | undefined,
  unmet?: Requirement,
): z.output<typeof User> {
  if (!profile) throw new Problem('unauthenticated')
  return {
    id: profile.id,
    email: profile.email,
    name: profile.name,
    subscription_tier: toFamily(profile.planId ?? FIRST_PLAN),
    role: profile.role,
    permissions: profile.role && !unmet ? [...permissionsOfRole(profile.role, profile.rolePermissions)] : [],
    unmet_requirement: unmet ?? null,
    organization_id: profile.organizationId,
    is_active: profile.isActive,
    is_verified: profile.emailVerifiedAt !== null,
    keys_need_confirmation: EMAIL_VERIFICATION === 'keys' && profile.emailVerifiedAt === null,
    is_administrator: profile.isAdministrator,
    two_factor_enabled: profile.twoFactorEnabledAt !== null,
    has_password: profile.passwordHash !== null,
    created_at: profile.createdAt.toISOString(),
    updated_at: profile.updatedAt.toISOString(),
  }
}
