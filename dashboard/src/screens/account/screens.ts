import type { Screens } from '../screens.ts'

export const ACCOUNT_SCREENS: Screens = {
  '/account': [() => import('./account.tsx'), 'Account'],
}
