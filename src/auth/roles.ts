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
 * The permissions of each built-in role in an organization. Each role includes those of the one before it. Guards, docs
 * and tests all read this table.
 */
export const ROLES = { viewer: VIEWER, member: MEMBER, admin: ADMIN, owner: OWNER } as const satisfies Record<
  string,
  readonly string[]
>

export type BuiltInRole = keyof typeof ROLES

/** The name of a role: a built-in one, or a custom role of the organization. */
export type Role = string

export type Permission = (typeof ROLES)[BuiltInRole][number]

/** Every permission there is, as a list. */
export const PERMISSIONS = ROLES.owner

export const BUILT_IN_ROLES = Object.keys(ROLES) as [BuiltInRole, ...BuiltInRole[]]

export const isBuiltIn = (role: Role): role is BuiltInRole => Object.hasOwn(ROLES, role)

/** The permissions that custom roles may have: owner-only permissions are excluded. All have the first one. */
export const CUSTOM_PERMISSIONS = ADMIN

/**
 * The permissions of a member's role.
 *
 * @param custom the permissions of the organization's custom role; null for a built-in one
 */
export function permissionsOfRole(role: Role, custom: readonly string[] | null): readonly Permission[] {
  return isBuiltIn(role) ? ROLES[role] : PERMISSIONS.filter((permission) => custom?.includes(permission))
}

export function roleMay(role: BuiltInRole, permission: Permission): boolean {
  return (ROLES[role] as readonly string[]).includes(permission)
}

/** @returns the built-in roles that have a permission, lowest first */
export function rolesWith(permission: Permission): BuiltInRole[] {
  return BUILT_IN_ROLES.filter((role) => roleMay(role, permission))
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
  return PERMISSIONS.find((permission) => scopeFor(permission) === scope)
}

/** Permissions that let somebody obtain a key. */
export const GIVING_KEYS: readonly Permission[] = ['keys:write', 'keys:import']

/**
 * Permissions that a suspended organization cannot use, because they create something. Reading, changing and deleting
 * still work.
 */
export const IDLE_WHILE_SUSPENDED: readonly Permission[] = [...GIVING_KEYS, 'members:write']
