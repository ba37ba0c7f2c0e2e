import type { Screens } from '../screens.ts'

export const AUTHORIZE_SCREENS: Screens = {
  '/authorize': [() => import('./authorize.tsx'), 'Authorize'],
}
