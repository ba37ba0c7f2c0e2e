import type { Screens } from '../screens.ts'

export const PRICE_SCREENS: Screens = {
  '/operator/prices': [() => import('./prices.tsx'), 'Prices'],
}
