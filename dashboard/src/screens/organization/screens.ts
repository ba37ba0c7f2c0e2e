import type { Screens } from '../screens.ts'

export const ORGANIZATION_SCREENS: Screens = {
  '/members': [() => import('./members.tsx'), 'Members'],
  '/audit': [() => import('./audit.tsx'), 'AuditLog'],
  '/organization': [() => import('./organization.tsx'), 'OrganizationSettings'],
}
