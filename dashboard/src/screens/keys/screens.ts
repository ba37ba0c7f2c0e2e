import type { Screens } from '../screens.ts'

export const KEY_SCREENS: Screens = {
  '/': [() => import('./overview.tsx'), 'Overview'],
  '/onboarding': [() => import('./onboarding.tsx'), 'Onboarding'],
  '/keys': [() => import('./list.tsx'), 'KeyList'],
  '/keys/new': [() => import('./create.tsx'), 'CreateKey'],
  '/keys/$id': [() => import('./key.tsx'), 'Key'],
}
