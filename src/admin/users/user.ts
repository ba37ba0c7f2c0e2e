import type * as z from 'zod'
import type { UserView } from './queries.ts'
import type { AdminUser } from './schemas.ts'

/** Serializes a user for the operator. */
export function toAdminUser(row: UserView): z.output<typeof AdminUser> {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    is_active: row.isActive,
    is_verified: row.emailVerifiedAt !== null,
    is_administrator: row.isAdministrator,
    two_factor_enabled: row.hasTwoFactor,
    organizations: row.organizations,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}
