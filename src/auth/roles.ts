const VIEWER = ['organization:read', 'members:read', 'keys:read', 'usage:read'] as const
const MEMBER = [...VIEWER, 'keys:write', 'usage:events'] as const
const ADMIN = [
  ...MEMBER,
  'keys:import',
  'audit:read',
  'usage:write',
  'usage:alerts',
  'webhooks:read',
  'webhooks:write',
  'organization:write',
  'members:write',
  'billing:read',
  'billing:write',
] as const
const OWNER = [...ADMIN, 'owners:write', 'organization:delete'] as const

/**
 * What a member of each role may do with an organization; each may all that the one before it may. The one table: guards,
 * docs and tests all read it.
 */
export const ROLES = { viewer: VIEWER, member: MEMBER, admin: ADMIN, owner: OWNER } as const satisfies Record<
  string,
  readonly string[]
>

export type Role = keyof typeof ROLES
export type Permission = (typeof ROLES)[Role][number]

/** Every permission there is, as a list. */
export const PERMISSIONS = ROLES.owner

export function roleMay(role: Role, permission: Permission): boolean {
  return (ROLES[role] as readonly string[]).includes(permission)
}

/** @returns the roles that have a permission, the least first */
export function rolesWith(permission: Permission): Role[] {
  return (Object.keys(ROLES) as Role[]).filter((role) => roleMay(role, permission))
}

/**
 * How an API key gets a permission where it is not by the scope of that name. A program may always see what it used. Who
 * belongs to an organization, what becomes of it and what it buys is for people alone: a key that leaks must not let
 * anybody in, or spend.
 */
const OF_KEYS: Partial<Record<Permission, 'without scope' | 'never'>> = {
  'usage:read': 'without scope',
  'organization:read': 'never',
  'organization:write': 'never',
  'organization:delete': 'never',
  'members:read': 'never',
  'members:write': 'never',
  'owners:write': 'never',
  'billing:write': 'never',
}

/** Whether an API key can have a permission at all. */
export function isForKeys(permission: Permission): boolean {
  return OF_KEYS[permission] !== 'never'
}

/** The scope with which an API key may do the same; `undefined` where none is needed, or none would do (`isForKeys`). */
export function scopeFor(permission: Permission): string | undefined {
  return permission in OF_KEYS ? undefined : `tollgate:${permission}`
}

/** @returns the permission a scope stands for, if it is one of those */
export function parsePermission(scope: string): Permission | undefined {
  return (ROLES.owner as readonly Permission[]).find((permission) => scopeFor(permission) === scope)
}

/** What stays undone while an organization is suspended: nothing is made with these. Reading, changing and ending go on. */
export const IDLE_WHILE_SUSPENDED: readonly Permission[] = ['keys:write', 'keys:import', 'members:write']
