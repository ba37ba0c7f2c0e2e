import { holdsScope } from '../verification/rules.ts'
import type { Permission } from './roles.ts'

/**
 * The scopes of service keys, and what each lets an operator's back end do for every customer. Guards,
 * validation, docs and tests all read this list.
 */
export const PLATFORM_SCOPES = {
  'platform:verify': 'Verify API keys of all organizations.',
  'platform:usage': 'Report, reserve, settle and correct usage.',
  'platform:usage:read': 'Read usage, quotas and single requests.',
  'platform:organizations:read': 'Read organizations and their members.',
  'platform:organizations:write':
    'Create, change, suspend and delete organizations, with their plan, limits, members, invitations and alerts.',
  'platform:keys:read': 'List, find and look up API keys.',
  'platform:keys:write': 'Issue, change, rotate, import and revoke API keys.',
  'platform:plans:read': 'Read plans, including those not on offer, and prices of models.',
  'platform:plans:write': 'Create, change and delete plans and prices of models, and put organizations on plans.',
  'platform:billing:read': 'Read subscriptions, events of payment providers and the ledger.',
  'platform:billing:write':
    'Buy, change, cancel and resume subscriptions, replay events of payment providers, and settle overage.',
  'platform:users:read': 'Read users and the emails they were sent.',
  'platform:users:write':
    'Create, disable, enable, sign out and delete users, resend emails, and name client addresses.',
  'platform:webhooks:write': 'Manage webhook endpoints and send deliveries again.',
  'platform:audit:read': 'Read the audit log.',
  'platform:metrics:read': 'Read metrics of the whole deployment.',
  'platform:portal': 'Create links to the customer portal.',
} as const

export type PlatformScope = keyof typeof PLATFORM_SCOPES

/**
 * The scope that gives a service key a member's permission, in any organization. Absent permissions belong to an
 * organization's people; if the operator needs the same, administrators have routes for it.
 */
const SCOPE_BY_PERMISSION: Partial<Record<Permission, PlatformScope>> = {
  'keys:read': 'platform:keys:read',
  'keys:write': 'platform:keys:write',
  'keys:import': 'platform:keys:write',
  'usage:read': 'platform:usage:read',
  'usage:events': 'platform:usage:read',
  'usage:write': 'platform:usage',
  'usage:alerts': 'platform:organizations:write',
  'members:read': 'platform:organizations:read',
  'members:write': 'platform:organizations:write',
  'webhooks:read': 'platform:webhooks:write',
  'webhooks:write': 'platform:webhooks:write',
  'audit:read': 'platform:audit:read',
  'billing:read': 'platform:billing:read',
  'billing:write': 'platform:billing:write',
}

/** @returns `undefined` if only an organization's people have the permission */
export function platformScopeFor(permission: Permission): PlatformScope | undefined {
  return SCOPE_BY_PERMISSION[permission]
}

const PREFIX = 'platform:'

/** Whether a key with these scopes, of the platform organization, is a service key. */
export const isServiceKey = (scopes: readonly string[]) => scopes.some((scope) => scope.startsWith(PREFIX))

/** Whether a scope is one of the list, or a wildcard such as `platform:keys:*` that matches some of it. */
export function isPlatformScope(scope: string): boolean {
  if (!scope.startsWith(PREFIX)) return false
  return Object.keys(PLATFORM_SCOPES).some((one) => holdsScope([scope], one))
}
