import type { Screens } from '../screens.ts'

/** Only while developing. */
export const DESIGN_SCREENS: Screens = __DEVELOPMENT__ ? { '/_design': [() => import('./design.tsx'), 'Design'] } : {}
