/** What a member of each role may do with an organization. The one table: guards, docs and tests all read it. */
export const ROLES = {
  viewer: ['keys:read', 'usage:read'],
  member: ['keys:read', 'usage:read', 'keys:write'],
  admin: ['keys:read', 'usage:read', 'keys:write', 'audit:read'],
  owner: ['keys:read', 'usage:read', 'keys:write', 'audit:read'],
} as const satisfies Record<string, readonly string[]>

export type Role = keyof typeof ROLES
export type Permission = (typeof ROLES)[Role][number]

export function roleMay(role: Role, permission: Permission): boolean {
  return (ROLES[role] as readonly string[]).includes(permission)
}

/** The scope with which an API key may do the same; `usage:read` needs none, a program may always see what it used. */
export function scopeFor(permission: Permission): string | undefined {
  return permission === 'usage:read' ? undefined : `tollgate:${permission}`
}

/** @returns the permission a scope stands for, if it is one of those */
export function permissionOf(scope: string): Permission | undefined {
  return (ROLES.owner as readonly Permission[]).find((permission) => `tollgate:${permission}` === scope)
}
