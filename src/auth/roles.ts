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
 * The permissions of each role in an organization. Each role includes those of the one before it. Guards, docs and
 * tests all read this table.
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

/** @returns the roles that have a permission, lowest first */
export function rolesWith(permission: Permission): Role[] {
  return (Object.keys(ROLES) as Role[]).filter((role) => roleMay(role, permission))
}

/**
 * How API keys get a permission, if not by the scope of the same name. A program may always see its own usage. Members,
 * organization settings and purchases are for people only: a leaked key must not add a member or spend money.
 */
const KEY_ACCESS: Partial<Record<Permission, 'without scope' | 'never'>> = {
  'usage:read': 'without scope',
  'organization:read': 'never',
  'organization:write': 'never',
  'organization:delete': 'never',
  'members:read': 'never',
  'members:write': 'never',
  'owners:write': 'never',
  'billing:write': 'never',
}

/** Whether API keys can have a permission at all. */
export function isForKeys(permission: Permission): boolean {
  return KEY_ACCESS[permission] !== 'never'
}

/**
 * The scope that gives an API key the same permission. `undefined` if none is required, or if keys cannot have it
 * (`isForKeys`).
 */
export function scopeFor(permission: Permission): string | undefined {
  return permission in KEY_ACCESS ? undefined : `tollgate:${permission}`
}

/** @returns the permission that a scope stands for, if any */
export function parsePermission(scope: string): Permission | undefined {
  return (ROLES.owner as readonly Permission[]).find((permission) => scopeFor(permission) === scope)
}

/**
 * Permissions that a suspended organization cannot use, because they create something. Reading, changing and deleting
 * still work.
 */
export const IDLE_WHILE_SUSPENDED: readonly Permission[] = ['keys:write', 'keys:import', 'members:write']
