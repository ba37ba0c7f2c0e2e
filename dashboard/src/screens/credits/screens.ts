import type { Screens } from '../screens.ts'

export const CREDIT_SCREENS: Screens = {
  '/credits': [() => import('./credits.tsx'), 'CreditsScreen'],
}
