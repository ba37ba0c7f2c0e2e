import type * as z from 'zod'
import { Problem } from '../problems.ts'
import type { Profile } from './queries.ts'
import type { User } from './schemas.ts'

/** A profile as it goes over the wire. */
export function toUser(profile: Profile | undefined): z.output<typeof User> {
  if (!profile) throw new Problem('unauthenticated')
  return {
    id: profile.id,
    email: profile.email,
    name: profile.name,
    subscription_tier: profile.planId ?? 'free',
    role: profile.role,
    organization_id: profile.organizationId,
    is_active: profile.isActive,
    is_verified: profile.emailVerifiedAt !== null,
    is_administrator: profile.isAdministrator,
    two_factor_enabled: profile.twoFactorEnabledAt !== null,
    created_at: profile.createdAt.toISOString(),
    updated_at: profile.updatedAt.toISOString(),
  }
}
