import type { Screens } from '../screens.ts'

export const METER_SCREENS: Screens = {
  '/operator/meters': [() => import('./meters.tsx'), 'Meters'],
  '/operator/meters/new': [() => import('./edit-meter.tsx'), 'NewMeter'],
  '/operator/meters/$id': [() => import('./edit-meter.tsx'), 'EditMeter'],
}
