import type { Permission } from './roles.ts'

/** The description of each permission, for the reference and the dashboard. */
export const PERMISSION_TEXTS: Readonly<Record<Permission, string>> = {
  'organization:read': 'See the organization, its plan and its domains.',
  'members:read': 'See members and roles.',
  'keys:read': 'See API keys, without their secrets.',
  'usage:read': 'See usage, quotas and limits.',
  'keys:write': 'Create, change, rotate and revoke API keys.',
  'usage:events': 'See individual requests.',
  'keys:import': 'Import API keys by their hashes.',
  'audit:read': 'Read the audit log.',
  'usage:write': 'Report and correct usage.',
  'usage:alerts': 'Set alert thresholds.',
  'webhooks:read': 'See webhook endpoints and deliveries.',
  'webhooks:write': 'Manage webhook endpoints and resend deliveries.',
  'organization:write': 'Rename the organization and manage its domains.',
  'members:write': 'Invite and remove people, and manage roles.',
  'billing:read': 'See credits, spending and spend caps.',
  'billing:write': 'Buy, change and cancel plans, and buy credits.',
  'owners:write': 'Add and remove owners, and set up single sign-on and the directory.',
  'organization:delete': 'Delete the organization.',
}
