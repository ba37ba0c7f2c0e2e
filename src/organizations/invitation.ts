import type * as z from 'zod'
import type { InvitationView } from './invitations/queries.ts'
import type { Invitation } from './schemas.ts'

/** Serializes an invitation, without its token. */
export function toInvitation(row: InvitationView): z.output<typeof Invitation> {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    status: row.status,
    invited_by: row.invitedBy,
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    accepted_at: row.acceptedAt?.toISOString() ?? null,
  }
}
