import type { Screens } from '../screens.ts'

export const KEY_SCREENS: Screens = {
  '/': [() => import('./overview.tsx'), 'Overview'],
}
