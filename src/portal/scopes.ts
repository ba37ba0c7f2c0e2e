import { isForKeys, PERMISSIONS, type Permission } from '../auth/roles.ts'

/** What a portal session may be given: the permissions that API keys can have. */
export const PORTAL_SCOPES = PERMISSIONS.filter(isForKeys) as [Permission, ...Permission[]]
