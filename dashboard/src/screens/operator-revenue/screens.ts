import type { Screens } from '../screens.ts'

export const REVENUE_SCREENS: Screens = {}
