import type { Screens } from '../screens.ts'

export const AUTHORIZE_SCREENS: Screens = {
  '/device': [() => import('./device.tsx'), 'Device'],
  '/authorize': [() => import('./authorize.tsx'), 'Authorize'],
}
