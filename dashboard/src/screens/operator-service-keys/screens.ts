import type { Screens } from '../screens.ts'

export const SERVICE_KEY_SCREENS: Screens = {
  '/operator/service-keys': [() => import('./service-keys.tsx'), 'ServiceKeys'],
}
