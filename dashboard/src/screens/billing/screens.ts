import type { Screens } from '../screens.ts'

export const BILLING_SCREENS: Screens = {
  '/billing': [() => import('./billing.tsx'), 'Billing'],
}
