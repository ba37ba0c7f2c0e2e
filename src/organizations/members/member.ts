import type * as z from 'zod'
import type { Member } from '../schemas.ts'
import type { MemberView } from './queries.ts'

/** A member in wire form. */
export function toMember(row: MemberView): z.output<typeof Member> {
  return {
    user_id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    is_active: row.isActive,
    created_at: row.createdAt.toISOString(),
  }
}
