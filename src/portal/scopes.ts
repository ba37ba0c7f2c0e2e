import { isForKeys, PERMISSIONS, type Permission } from '../auth/roles.ts'

/** The scopes that a portal session can have: the permissions that API keys can have. */
export const PORTAL_SCOPES = PERMISSIONS.filter(isForKeys) as [Permission, ...Permission[]]
