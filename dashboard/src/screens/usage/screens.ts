import type { Screens } from '../screens.ts'

export const USAGE_SCREENS: Screens = {
  '/usage': [() => import('./usage.tsx'), 'Usage'],
  '/events': [() => import('./events.tsx'), 'Events'],
  '/models': [() => import('./models.tsx'), 'Models'],
  '/limits': [() => import('./limits.tsx'), 'Limits'],
}
